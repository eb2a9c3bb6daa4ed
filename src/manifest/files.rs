//! Which files are meant: a file as it is named, a directory with all manifests below it.

use std::fs;
use std::path::{Path, PathBuf};

/// Where manifests come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file, or a directory to be searched recursively for `*.yaml`, `*.yml` and `*.json`; hidden entries are left out.
    Path(PathBuf),
    /// What was read from standard input.
    Stdin(Vec<u8>),
}

/// What keeps a source from being read at all. Findings within a file are [`crate::diagnostic::Diagnostic`]s instead.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file or directory that cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A directory without manifests, most likely the wrong one.
    #[error("{} holds no *.yaml, *.yml or *.json file", path.display())]
    NothingThere {
        /// The path.
        path: PathBuf,
    },
}

/// The files of a path, sorted.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, ReadError> {
    if !fs::metadata(path).map_err(|cause| unreadable(path, cause))?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    search(path, &mut found)?;
    found.sort();
    if found.is_empty() { Err(ReadError::NothingThere { path: path.to_owned() }) } else { Ok(found) }
}

/// The contents of a file.
pub(super) fn contents(path: &Path) -> Result<Vec<u8>, ReadError> {
    fs::read(path).map_err(|cause| unreadable(path, cause))
}

fn unreadable(path: &Path, cause: std::io::Error) -> ReadError {
    ReadError::Unreadable { path: path.to_owned(), cause }
}

/// Directories behind symbolic links are not entered, so that no loop can form.
fn search(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), ReadError> {
    for entry in fs::read_dir(folder).map_err(|cause| unreadable(folder, cause))? {
        let entry = entry.map_err(|cause| unreadable(folder, cause))?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type().map_err(|cause| unreadable(&path, cause))?.is_dir() {
            search(&path, found)?;
        } else if path.extension().is_some_and(|kind| matches!(kind.to_string_lossy().as_ref(), "yaml" | "yml" | "json"))
            && path.is_file()
        {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{ReadError, files};
    use std::fs;

    #[test]
    fn finds_manifests_below_a_directory_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["b.yml", "a.yaml", "sub/c.json", "sub/deep/d.yaml", "readme.md", ".hidden.yaml", ".git/e.yaml"] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found: Vec<_> =
            files(root).unwrap().iter().map(|path| path.strip_prefix(root).unwrap().display().to_string()).collect();
        assert_eq!(found, ["a.yaml", "b.yml", "sub/c.json", "sub/deep/d.yaml"]);
        assert_eq!(files(&root.join("readme.md")).unwrap().len(), 1);
        assert!(matches!(files(&root.join("nowhere")), Err(ReadError::Unreadable { .. })));
        fs::create_dir(root.join("empty")).unwrap();
        let error = files(&root.join("empty")).unwrap_err();
        assert!(error.to_string().ends_with("empty holds no *.yaml, *.yml or *.json file"), "{error}");
    }
}
