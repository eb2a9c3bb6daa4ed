//! One object per kind and name, whatever the order of the input.

use crate::diagnostic::Diagnostic;
use crate::manifest::Sourced;
use k8s_openapi::api::core::v1::Node;
use std::collections::BTreeMap;

/// An object with a kind and a name, cluster-scoped.
pub(super) trait Named: PartialEq {
    const KIND: &'static str;
    fn name(&self) -> &str;
}

macro_rules! named {
    ($($kind:ty => $text:literal),+ $(,)?) => {
        $(impl Named for $kind {
            const KIND: &'static str = $text;
            fn name(&self) -> &str {
                self.metadata.name.as_deref().unwrap_or_default()
            }
        })+
    };
}

named! {
    Node => "Node",
    crate::api::NodePool => "NodePool",
    crate::api::NodeClaim => "NodeClaim",
    crate::api::NodeOverlay => "NodeOverlay",
    crate::api::EC2NodeClass => "EC2NodeClass",
    crate::api::Provisioner => "Provisioner",
    crate::api::AWSNodeTemplate => "AWSNodeTemplate",
}

/// The objects that have their name alone, by name. Equal objects count as one, the first by place; of different ones under one name
/// none can be chosen.
pub(super) fn unique<'a, T: Named>(
    all: impl Iterator<Item = &'a Sourced<T>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<&'a Sourced<T>> {
    let mut by_name: BTreeMap<&str, Vec<&Sourced<T>>> = BTreeMap::new();
    for source in all {
        by_name.entry(source.value.name()).or_default().push(source);
    }
    let mut kept = Vec::new();
    for (name, mut same) in by_name {
        same.sort_by(|a, b| a.place.cmp(&b.place));
        let finding = |source: &Sourced<T>, diagnostic: Diagnostic| {
            diagnostic.at(source.place.clone()).on(format!("{}/{name}", T::KIND)).field("metadata.name")
        };
        if same.windows(2).all(|pair| pair[0].value == pair[1].value) {
            let (first, others) = same.split_at(1);
            kept.extend(first);
            diagnostics.extend(others.iter().map(|source| {
                finding(source, Diagnostic::warning(format!("the same {} is given more than once; one of them is used", T::KIND)))
            }));
        } else {
            diagnostics.extend(same.iter().map(|source| {
                finding(
                    source,
                    Diagnostic::error(format!("different objects of kind {} have this name, so none is used", T::KIND)),
                )
                .hint("remove all but one")
            }));
        }
    }
    kept
}
