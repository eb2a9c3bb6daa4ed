//! Karpenter's documented packing algorithm, as the yardstick that our plans are compared with on the same snapshot.
//!
//! Pods by CPU, then memory, descending; each goes to the open node with the fewest pods that still has a possible instance type, else
//! to a new node. A node keeps every instance type that can hold its pods; price decides only at the end, when the cheapest of them is
//! bought. Source: karpenter v1.14 `pkg/controllers/provisioning/scheduling` (queue.go, scheduler.go, nodeclaim.go). One pool, no
//! constraints between pods: what these benchmarks need.

use windlass_solver::{InstanceType, MicroUsd, Requirements, Resources, Snapshot};

const WIDTH: usize = 3;
type Amounts = [i64; WIDTH];

struct Type {
    allocatable: Amounts,
    price: MicroUsd,
}

struct OpenNode {
    pods: usize,
    used: Amounts,
    types: Vec<u16>,
}

/// What the peer's plan costs and how many nodes it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bill {
    pub(crate) cost: MicroUsd,
    pub(crate) nodes: usize,
    pub(crate) unplaced: usize,
}

fn amounts(resources: &Resources) -> Amounts {
    [resources.get("cpu"), resources.get("memory"), resources.get("pods")]
}

fn fits(used: &Amounts, room: &Amounts) -> bool {
    used.iter().zip(room).all(|(amount, limit)| amount <= limit)
}

fn plus(a: &Amounts, b: &Amounts) -> Amounts {
    std::array::from_fn(|index| a[index] + b[index])
}

/// The cheapest offering of `kind` that the pool's requirements allow.
fn usable(kind: &InstanceType, requirements: &Requirements) -> Option<Type> {
    let price = kind.offerings.iter().filter(|offering| {
        let mut labels = kind.labels.clone();
        labels.insert("topology.kubernetes.io/zone".into(), offering.zone.as_str().into());
        labels.insert("karpenter.sh/capacity-type".into(), offering.capacity_type.as_str().into());
        offering.available && requirements.allow(&labels)
    });
    let price = price.filter_map(|offering| offering.price).min()?;
    Some(Type { allocatable: amounts(&kind.allocatable()), price })
}

/// Packs the snapshot's pods into nodes of its first pool.
pub(crate) fn pack(snapshot: &Snapshot) -> Bill {
    let pool = &snapshot.node_pools()[0];
    let types: Vec<Type> = pool.instance_types.iter().filter_map(|kind| usable(kind, &pool.requirements)).collect();
    let mut pods: Vec<(Amounts, usize)> =
        snapshot.pods().iter().enumerate().map(|(i, p)| (amounts(&p.shape.requests), i)).collect();
    pods.sort_by(|(a, i), (b, j)| b[0].cmp(&a[0]).then(b[1].cmp(&a[1])).then(i.cmp(j)));

    let mut open: Vec<OpenNode> = Vec::new();
    let mut unplaced = 0;
    for (request, _) in pods {
        open.sort_by_key(|node| node.pods);
        let holds = |used: &Amounts, left: &[u16]| -> Vec<u16> {
            left.iter().copied().filter(|index| fits(used, &types[usize::from(*index)].allocatable)).collect()
        };
        let placed = open.iter_mut().any(|node| {
            let used = plus(&node.used, &request);
            let left = holds(&used, &node.types);
            if left.is_empty() {
                return false;
            }
            *node = OpenNode { pods: node.pods + 1, used, types: left };
            true
        });
        if placed {
            continue;
        }
        let all: Vec<u16> = (0..u16::try_from(types.len()).unwrap()).collect();
        let left = holds(&request, &all);
        if left.is_empty() {
            unplaced += 1;
        } else {
            open.push(OpenNode { pods: 1, used: request, types: left });
        }
    }
    let cheapest = |node: &OpenNode| node.types.iter().map(|index| types[usize::from(*index)].price).min().unwrap();
    Bill { cost: open.iter().map(cheapest).sum(), nodes: open.len(), unplaced }
}
