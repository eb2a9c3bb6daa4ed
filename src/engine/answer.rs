//! Answers to calls: what was learnt, and when to try again what failed.

use super::Engine;
use super::call::Purpose;
use super::effect::{Answer, CallId, Written};
use super::queue::Key;
use crate::cloud::CloudError;
use crate::cluster::{Claim, Refusal};

impl Engine {
    pub(super) fn answered(&mut self, id: CallId, answer: Answer) {
        let Some((key, purpose)) = self.calls.close(id) else { return };
        let failed = match answer {
            Answer::Wrote(result) => self.wrote(purpose, &result),
            Answer::Planned(plan) => {
                self.planned(plan.map(|plan| *plan));
                false
            }
            Answer::Claims(listed) => self.claims_listed(purpose, listed),
            Answer::Pods(listed) => match (purpose, listed) {
                (Purpose::Recheck(claim, node), Ok(pods)) => {
                    self.rechecked(&claim, &node, pods);
                    false
                }
                _ => true,
            },
            Answer::Launched(result) => match purpose {
                Purpose::Launch(token) => self.launch_answered(&token, result),
                _ => true,
            },
            Answer::Instances(result) => match (purpose, result) {
                (Purpose::Describe(asked), Ok(instances)) => {
                    self.listed(asked, instances);
                    false
                }
                _ => true,
            },
            Answer::Terminated(result) => self.terminated(&purpose, &result),
        };
        let Some(key) = key else { return };
        if failed {
            let until = self.calls.failed(&key, self.now);
            self.queue.at(key, until);
        } else {
            self.calls.succeeded(&key);
            self.queue.now(key);
        }
    }

    /// Whether the write failed, so that what asked for it has to wait.
    fn wrote(&mut self, purpose: Purpose, result: &Result<Written, Refusal>) -> bool {
        let done = result.is_ok();
        match result {
            Ok(Written::Claim(object)) => self.claim_seen(Claim::read(object)),
            Ok(Written::Node(node)) => self.view.put_node(node.as_ref().clone()),
            Ok(Written::Nothing) | Err(_) => {}
        }
        match purpose {
            Purpose::Nominate => return false,
            Purpose::Record(name, token) if done => self.recorded(&name, &token),
            Purpose::Evict(uid) => {
                self.evictions.answered(&uid, done, self.now);
                if let Some(node) = self.view.pod_by_uid(&uid).and_then(|pod| pod.node.clone()) {
                    self.queue.now(Key::Node(node));
                }
            }
            Purpose::Create(name) => {
                if let Err(Refusal::Invalid(message)) = result {
                    self.publish(format!("NodeClaim/{name}"), "Invalid", message.clone());
                    self.refuse(&name);
                }
            }
            _ => {}
        }
        !done
    }

    fn claims_listed(&mut self, purpose: Purpose, listed: Result<Vec<crate::api::NodeClaim>, Refusal>) -> bool {
        let failed = listed.is_err();
        match (purpose, listed) {
            (Purpose::Admit, Ok(objects)) => {
                let claims: Vec<Claim> = objects.iter().map(Claim::read).collect();
                self.admit(&claims);
            }
            (Purpose::Muster(pool), Ok(objects)) => {
                let claims: Vec<Claim> = objects.iter().map(Claim::read).collect();
                self.mustered(&pool, &claims);
            }
            (Purpose::Census(suspects), listed) => self.judge_suspects(&suspects, listed.as_deref().ok()),
            _ => {}
        }
        failed
    }

    fn launch_answered(&mut self, token: &str, result: Result<crate::cloud::Fulfilment, CloudError>) -> bool {
        match result {
            Ok(fulfilment) => self.launched(token, fulfilment),
            Err(CloudError::TokenMismatch) => self.lose(token),
            Err(CloudError::Unknown(_) | CloudError::Throttled) => return true,
            Err(CloudError::Fruitless(message)) => self.fruitless(token, &message),
            Err(CloudError::Refused(message)) => {
                self.refused(token, &message);
                return true;
            }
        }
        false
    }

    fn terminated(&mut self, purpose: &Purpose, result: &Result<(), CloudError>) -> bool {
        if let (Purpose::Terminate(name), Ok(())) = (purpose, result)
            && let Some(claim) = self.view.claim(name)
        {
            self.memos.of(&claim.uid).terminated = Some(self.now);
            self.want_listing(self.now);
        }
        result.is_err()
    }
}
