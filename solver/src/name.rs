//! Names as types, so that a pool can never be passed where a zone is meant. All are cheap to clone.

use std::{fmt, sync::Arc};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the text as it is; validation belongs to the edge that read it.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    };
}
pub(crate) use name;

name!(
    /// Name of a NodePool.
    NodePoolName
);
name!(
    /// Name of an existing or planned Node.
    NodeName
);
name!(
    /// EC2 instance type, such as `m7g.xlarge`.
    InstanceTypeName
);
name!(
    /// Availability zone name, such as `us-west-2b`.
    Zone
);

/// `namespace/name` of a namespaced object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// The namespace; `default` where a manifest leaves it out.
    pub namespace: Arc<str>,
    /// The name, unique in its namespace and kind.
    pub name: Arc<str>,
}

impl ObjectKey {
    /// Builds the key.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
