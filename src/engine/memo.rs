//! What the engine knows of a claim beyond the object. All of it can be found out again after a restart.

use crate::cloud::Instance;
use crate::cluster::Uid;
use crate::time::Time;
use std::collections::BTreeMap;

/// What became of a launch for one claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// This instance is the claim's.
    Instance(Box<Instance>),
    /// There is none for it, for certain.
    Missed,
}

/// Knowledge about one claim.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts, each learnt by itself")]
pub(super) struct Memo {
    /// The pool's limits have room for it.
    pub(super) admitted: bool,
    /// What became of the launch with this token.
    pub(super) fate: Option<(String, Fate)>,
    /// It is not launched again before.
    pub(super) rests: Option<Time>,
    /// The scheduler was told which pods are meant for its node.
    pub(super) steered: bool,
    /// Since when the outcome of its launch can only be learnt from EC2's lists.
    pub(super) lost: Option<Time>,
    /// Its static pool has one claim too many, and this is to go.
    pub(super) given_up: bool,
    /// Its node is being emptied for a reason of ours.
    pub(super) reaping: bool,
    /// A fresh list of the node's pods showed none that has to leave.
    pub(super) clean: bool,
    /// When EC2 accepted the termination of its instance.
    pub(super) terminated: Option<Time>,
    /// Since when its registered node is missing.
    pub(super) node_missing: Option<Time>,
}

impl Memo {
    /// What became of the launch with this token, if it is known.
    pub(super) fn fate_of(&self, token: &str) -> Option<&Fate> {
        self.fate.as_ref().filter(|(known, _)| known == token).map(|(_, fate)| fate)
    }
}

/// Knowledge about claims, by uid.
#[derive(Debug, Default)]
pub(super) struct Memos(BTreeMap<Uid, Memo>);

impl Memos {
    /// To change it.
    pub(super) fn of(&mut self, uid: &Uid) -> &mut Memo {
        self.0.entry(uid.clone()).or_default()
    }

    /// To read it.
    pub(super) fn get(&self, uid: &Uid) -> Memo {
        self.0.get(uid).cloned().unwrap_or_default()
    }

    /// The claim is gone.
    pub(super) fn forget(&mut self, uid: &Uid) {
        self.0.remove(uid);
    }
}
