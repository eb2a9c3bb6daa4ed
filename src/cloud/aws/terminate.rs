//! Terminations that are asked for together go to EC2 in one call; each is answered by itself.

use super::{Aws, fault, locked};
use crate::cloud::{CloudError, InstanceId};
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::oneshot;
use windlass_ec2::{CallError, Fault};

/// The first of a call waits so long for others.
const GATHER: Duration = Duration::from_millis(50);
/// Most instances of one call. EC2 takes 1,000 and advises small batches.
const TOGETHER: usize = 100;

type Answer = Result<(), CloudError>;

/// Instances that are to be terminated, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    waiting: Mutex<Vec<(String, oneshot::Sender<Answer>)>>,
}

impl Leaving {
    /// Adds an instance. Whoever is first makes the call for all.
    fn join(&self, id: &InstanceId) -> (bool, oneshot::Receiver<Answer>) {
        let (tell, told) = oneshot::channel();
        let mut waiting = locked(&self.waiting);
        waiting.push((id.as_str().to_owned(), tell));
        (waiting.len() == 1, told)
    }

    fn take(&self) -> Vec<(String, oneshot::Sender<Answer>)> {
        std::mem::take(&mut locked(&self.waiting))
    }
}

pub(super) async fn terminate(aws: &Aws, id: &InstanceId) -> Answer {
    let (first, told) = aws.leaving.join(id);
    if first {
        tokio::time::sleep(GATHER).await;
        let mut waiting = aws.leaving.take();
        while !waiting.is_empty() {
            let rest = waiting.split_off(waiting.len().min(TOGETHER));
            end(aws, std::mem::replace(&mut waiting, rest)).await;
        }
    }
    told.await.unwrap_or_else(|_| Err(CloudError::Unknown("the call for several was given up".to_owned())))
}

async fn end(aws: &Aws, together: Vec<(String, oneshot::Sender<Answer>)>) {
    let ids: Vec<String> = together.iter().map(|(id, _)| id.clone()).collect();
    let all = aws.account.terminate_instances(&ids).await;
    // If EC2 refuses one it ends none of them: then each is asked for alone.
    let alone = ids.len() > 1 && all.as_ref().is_err_and(|error| [Fault::NotFound, Fault::Refused].contains(&error.fault));
    for (id, tell) in together {
        let answer = if alone { aws.account.terminate_instances(&[id]).await } else { all.clone() };
        // Nobody waits any more only while the process ends.
        let _ = tell.send(read(answer));
    }
}

fn read(answer: Result<(), CallError>) -> Answer {
    match answer {
        Err(error) if error.fault != Fault::NotFound => Err(fault::read(&error)),
        _ => Ok(()),
    }
}
