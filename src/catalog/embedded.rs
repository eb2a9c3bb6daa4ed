//! The catalogues that the binary carries: files of [`super::file`], compressed, as `windlass catalog build` writes them.

use super::{Catalog, CatalogError, file};

/// Region and file, by region.
pub(super) const REGIONS: [(&str, &[u8]); 2] =
    [("us-east-1", include_bytes!("embedded/us-east-1.json.gz")), ("us-west-2", include_bytes!("embedded/us-west-2.json.gz"))];

/// Unpacks and reads one.
pub(super) fn load(region: &str) -> Result<Catalog, CatalogError> {
    let Some((_, bytes)) = REGIONS.iter().find(|(name, _)| *name == region) else {
        let known = REGIONS.map(|(name, _)| name).join(", ");
        return Err(CatalogError::UnknownRegion { region: region.to_owned(), known });
    };
    file::parse(&format!("<embedded {region}>"), bytes)
}
