//! From the flags to a running controller.

use super::{Args, Level, LogFormat};
use crate::actuate::{self, Shadow};
use crate::catalog::Catalog;
use crate::cli::Failure;
use crate::cloud::aws::{self, Aws};
use crate::telemetry::logs;
use crate::{engine, snapshot};
use std::process::ExitCode;
use tracing::info;
use tracing_subscriber::filter::LevelFilter;
use windlass_ec2::Access;
use windlass_solver::Charges;

/// Threads that wait for answers; plans have threads of their own.
const THREADS: usize = 2;

/// Runs it.
pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let level = match args.log_level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    let format = match args.log_format {
        LogFormat::Text => logs::Format::Text,
        LogFormat::Json => logs::Format::Json,
    };
    logs::begin(level, format);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    let ended = runtime.block_on(async {
        let cloud = Aws::connect(&cloud(args)).await?;
        let catalog = match &args.catalog {
            Some(_) => crate::cli::catalog::open(Some(cloud.region()), args.catalog.as_deref())?,
            None => Catalog::embedded(cloud.region())?,
        };
        info!(cluster = args.cluster_name, region = cloud.region(), dry_run = args.dry_run, "starting");
        actuate::run(settings(args), cloud, catalog).await?;
        Ok::<(), Failure>(())
    });
    // Calls that are under way are not waited for: what they do is found again from what is written in the cluster.
    runtime.shutdown_background();
    ended.map(|()| ExitCode::SUCCESS)
}

fn cloud(args: &Args) -> aws::Settings {
    aws::Settings {
        cluster: args.cluster_name.clone(),
        access: Access { region: args.region.clone(), ..Access::default() },
        cluster_endpoint: args.cluster_endpoint.clone(),
        certificate_authority: args.cluster_ca_bundle.clone(),
        service_cidr: args.cluster_service_cidr.clone(),
        kubernetes_version: args.kubernetes_version.clone(),
    }
}

fn settings(args: &Args) -> actuate::Settings {
    let lease = (args.leader_elect_namespace.clone(), args.leader_elect_name.clone());
    actuate::Settings {
        kubeconfig: args.kubeconfig.clone(),
        lease: (!args.disable_leader_election).then_some(lease),
        metrics: args.metrics_address,
        health: args.health_address,
        shadow: if args.dry_run { Shadow::On } else { Shadow::Off },
        engine: engine::Settings {
            cluster: args.cluster_name.clone(),
            batch_idle: args.batch_idle_duration,
            batch_max: args.batch_max_duration,
            expiry_jitter_percent: args.expiry_jitter_percent,
            launch_timeout: args.launch_timeout,
            registration_timeout: args.registration_timeout,
            ..engine::Settings::default()
        },
        preferences: args.preference_policy.into(),
        charges: Charges { node: args.node_charge, spot_risk_percent: args.spot_risk },
        snapshot: snapshot::Settings {
            reserved_enis: args.reserved_enis,
            vm_memory_overhead_ppm: args.vm_memory_overhead_percent,
            min_values_policy: args.min_values_policy.into(),
            default_spread: args.default_spread.clone(),
            spot_min_types: args.spot_min_types,
            spot_pool_share: args.spot_pool_share,
            ..snapshot::Settings::default()
        },
    }
}
