//! Where volumes can be used, and how many a node can attach.

use super::cases;
use crate::support::{GI, PoolExt, ShapeExt, ZONE, kinds, need, node, pool, shape, world};
use windlass_solver::{InstanceType, Operator, PodShape, Requirement};

const EBS: &str = "attachable-volumes-csi-ebs.csi.aws.com";

fn small() -> PodShape {
    shape(1000, GI)
}

fn zone(name: &str) -> Requirement {
    need(ZONE, Operator::In, &[name])
}

fn host(name: &str) -> Requirement {
    need("kubernetes.io/hostname", Operator::In, &[name])
}

/// The usual types, each of which attaches this many volumes.
fn attaching(count: i64) -> impl Iterator<Item = InstanceType> {
    kinds().into_iter().map(move |mut kind| {
        kind.capacity.set(EBS, count);
        kind
    })
}

cases! {
    a_pod_goes_where_its_volume_is: world([pool("default")], [], [], [small().volume(&[&[zone("b")]]).pod("pod")])
        => ["default arm/b/spot: pod"];
    one_term_of_a_volume_is_enough: world([pool("default").requires(ZONE, Operator::In, &["b"])], [], [], [
        small().volume(&[&[zone("a")], &[zone("b")]]).pod("pod"),
    ]) => ["default arm/b/spot: pod"];
    a_term_without_requirements_matches_nothing: world([pool("default")], [], [], [small().volume(&[&[]]).pod("pod")])
        => ["pod: NoMatchingInstanceType"];
    every_volume_must_be_usable: world([pool("default")], [], [], [
        small().volume(&[&[zone("a")]]).volume(&[&[zone("b")]]).pod("pod"),
    ]) => ["pod: NoMatchingInstanceType"];
    volumes_and_affinity_must_both_hold: world([pool("default")], [], [], [
        small().volume(&[&[zone("b")]]).term(&[zone("a")]).pod("apart"),
        small().volume(&[&[zone("b")]]).term(&[zone("a")]).term(&[zone("b")]).pod("together"),
    ]) => ["default arm/b/spot: together", "apart: NoMatchingInstanceType"];
    pods_of_two_zones_share_no_node: world([pool("default")], [], [], [
        small().volume(&[&[zone("a")]]).pod("pod-a"),
        small().volume(&[&[zone("b")]]).pod("pod-b"),
    ]) => ["default arm/a/spot: pod-a", "default arm/b/spot: pod-b"];
    a_volume_in_another_zone_keeps_a_pod_off_an_existing_node: world([pool("default")], [node("node-1")], [], [
        small().volume(&[&[zone("a")]]).pod("pod-a"),
        small().volume(&[&[zone("b")]]).pod("pod-b"),
    ]) => ["node-1: pod-a", "default arm/b/spot: pod-b"];
    /// Karpenter ignores the host name of a local volume and launches a node where the pod cannot run; kube-scheduler is right.
    a_volume_of_one_machine_ties_its_pod_to_it: world([pool("default")], [node("node-1"), node("node-2")], [], [
        small().volume(&[&[host("node-2")]]).pod("pod"),
    ]) => ["node-2: pod"];
    a_volume_of_a_full_machine_leaves_its_pod_without_a_place: world([pool("default")], [node("node-1")], [], [
        shape(5000, GI).volume(&[&[host("node-1")]]).pod("pod"),
    ]) => ["pod: NoMatchingInstanceType"];
    a_volume_that_is_not_ready_keeps_its_pod_from_every_node: world([pool("default")], [node("node-1")], [], [
        small().waiting("claim default/c is missing").pod("waiting"),
        small().pod("ready"),
    ]) => ["node-1: ready", "waiting: VolumeNotReady"];

    a_new_node_attaches_as_many_volumes_as_its_type_can: world([pool("default").types(attaching(2))], [], [],
        shape(100, 0).asking(EBS, 1).pods("pod", 3)) => ["default arm/a/spot: pod-0", "default arm/a/spot: pod-1 pod-2"];
    a_pod_with_more_volumes_than_any_type_attaches_fits_nowhere: world([pool("default").types(attaching(2))], [], [], [
        shape(100, 0).asking(EBS, 3).pod("pod"),
    ]) => ["pod: NoInstanceTypeFits"];
    an_existing_node_attaches_what_it_has_left: world([pool("default").types(attaching(9))], [{
        let mut node = node("node-1");
        node.allocatable.set(EBS, 3);
        node.requested.set(EBS, 2);
        node
    }], [], shape(100, 0).asking(EBS, 1).pods("pod", 2)) => ["node-1: pod-0", "default arm/a/spot: pod-1"];
}
