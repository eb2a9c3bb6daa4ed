//! Launches whose outcome nobody remembers: after a crash, or when EC2 does not give it again.

use super::Engine;
use super::launch::Group;
use super::listing::SOON;
use super::memo::Fate;
use super::queue::Key;
use crate::cluster::{Claim, LaunchRecord};
use crate::time::Time;
use std::sync::Arc;

impl Engine {
    /// The claim says that it was about to be launched. If all claims of that call are here, exactly that call is made again: under the
    /// same token EC2 launches nothing twice. Else its lists must tell.
    pub(super) fn recover(&mut self, claim: &Arc<Claim>, record: &LaunchRecord) {
        if self.memos.get(&claim.uid).lost.is_none()
            && let Some(group) = self.group_of(record)
        {
            self.resend(&record.token, group);
            return;
        }
        if let Some(fate) = self.look_up(claim, record) {
            self.memos.of(&claim.uid).fate = Some((record.token.clone(), fate));
            self.queue.now(Key::Claim(claim.name.clone()));
        }
    }

    /// The call that the record is part of, if it is complete.
    fn group_of(&self, record: &LaunchRecord) -> Option<Group> {
        let mut members: Vec<(usize, Arc<Claim>)> = self
            .view
            .claims()
            .filter_map(|claim| {
                let known = claim.launch.as_ref().filter(|known| known.token == record.token)?;
                Some((known.index, Arc::clone(claim)))
            })
            .collect();
        members.sort_by_key(|(index, _)| *index);
        let complete = members.len() == record.count && members.iter().enumerate().all(|(at, (index, _))| at == *index);
        let first = members.first().filter(|_| complete)?;
        let launch = self.launch_of(&first.1, record)?;
        let members = members.into_iter().map(|(_, claim)| (claim.name.clone(), claim.uid.clone())).collect();
        Some(Group::again(members, launch))
    }

    /// What EC2's lists say about a launch. `None` as long as an instance may exist and not be listed yet; then a further list is asked
    /// for.
    pub(super) fn look_up(&mut self, claim: &Claim, record: &LaunchRecord) -> Option<Fate> {
        let lost = *self.memos.of(&claim.uid).lost.get_or_insert(self.now);
        let since = Time::parse(&record.at).unwrap_or(claim.created).max(lost);
        let seen = self.listing.of_launch(&record.token, &self.settings.cluster);
        let settled = self.listing.asked().is_some_and(|asked| asked >= since.plus(self.settings.visibility));
        if seen.len() < record.count && !settled {
            self.want_listing(self.now.plus(SOON));
            self.queue.at(Key::Claim(claim.name.clone()), self.now.plus(SOON));
            return None;
        }
        let own = seen.get(record.index).filter(|instance| !instance.state.is_over());
        Some(own.map_or(Fate::Missed, |instance| Fate::Instance(Box::new((*instance).clone()))))
    }
}
