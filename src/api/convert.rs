//! From the v1alpha5 Provisioner and the v1alpha1 AWSNodeTemplate to NodePool and EC2NodeClass.
//!
//! What they say is kept; where the new objects cannot say it, or a release of Karpenter would have read it differently, a warning
//! names the field and what became of it. An object that cannot be converted is left out with an error.

mod class;
mod defaults;
mod pool;
mod selector;
mod volume;

pub use defaults::Defaults;

use super::{AWSNodeTemplate, EC2NodeClass, NodePool, Provisioner, ProvisionerSpec, validate};
use crate::diagnostic::Diagnostic;
use class::Settings;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Stands for the IAM role of the nodes, which the old objects do not name.
pub const ROLE_PLACEHOLDER: &str = "KARPENTER_NODE_ROLE";

/// What came out of a conversion.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Conversion {
    /// NodePools, in the order of their Provisioners' names.
    pub node_pools: Vec<NodePool>,
    /// EC2NodeClasses, by name.
    pub node_classes: Vec<EC2NodeClass>,
    /// What to know about it; an error says that its object was left out.
    pub findings: Vec<Diagnostic>,
}

/// Converts Provisioners, and the templates they or nobody refers to. The result does not depend on the order of the inputs.
pub fn convert(provisioners: &[Provisioner], templates: &[AWSNodeTemplate], era: Defaults) -> Conversion {
    let mut provisioners: Vec<&Provisioner> = provisioners.iter().collect();
    provisioners.sort_by_key(|provisioner| name(&provisioner.metadata));
    let templates: BTreeMap<&str, &AWSNodeTemplate> =
        templates.iter().map(|template| (name(&template.metadata), template)).collect();
    let mut work = Work::default();
    for provisioner in provisioners {
        work.provisioner(provisioner, &templates, era);
    }
    for (name, template) in templates {
        if !work.referred.contains(name) {
            work.template(name, template);
        }
    }
    work.finish()
}

fn name(metadata: &kube::core::ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

/// Findings about one object.
struct Report<'a> {
    object: String,
    findings: &'a mut Vec<Diagnostic>,
    is_refused: bool,
}

impl<'a> Report<'a> {
    fn on(object: String, findings: &'a mut Vec<Diagnostic>) -> Self {
        Self { object, findings, is_refused: false }
    }

    /// A warning; `hint` says what to do, if there is anything to do.
    fn warn(&mut self, field: &str, message: impl Into<String>, hint: &str) {
        let finding = Diagnostic::warning(message).on(&self.object).field(field);
        self.findings.push(if hint.is_empty() { finding } else { finding.hint(hint) });
    }

    fn refuse(&mut self, field: &str, message: impl Into<String>, hint: &str) {
        self.is_refused = true;
        self.findings.push(Diagnostic::error(message).on(&self.object).field(field).hint(hint));
    }

    /// Whether the API server would take what was made. It always should, short of input that it would not take either.
    fn is_accepted<T: Serialize>(&mut self, api_version: &str, kind: &str, made: &T) -> bool {
        let value = serde_json::to_value(made).unwrap_or_default();
        for error in validate::validate(api_version, kind, &value).unwrap_or_default().iter().filter(|finding| finding.is_error())
        {
            self.is_refused = true;
            let message = format!("the {kind} made of it would be refused: {error}");
            self.findings.push(Diagnostic::error(message).on(&self.object));
        }
        !self.is_refused
    }
}

#[derive(Default)]
struct Work {
    pools: Vec<NodePool>,
    classes: BTreeMap<String, EC2NodeClass>,
    /// Templates that Provisioners refer to.
    referred: BTreeSet<String>,
    findings: Vec<Diagnostic>,
}

impl Work {
    fn provisioner(&mut self, provisioner: &Provisioner, templates: &BTreeMap<&str, &AWSNodeTemplate>, era: Defaults) {
        let own = name(&provisioner.metadata);
        let spec = &provisioner.spec;
        let Some((settings, base)) = self.settings(own, spec, templates) else { return };
        let mut report = Report::on(settings.object.clone(), &mut self.findings);
        let mut class = EC2NodeClass::new(base, class::convert(&settings, &mut report));
        let is_usable = !report.is_refused && report.is_accepted(super::AWS_V1, "EC2NodeClass", &class);
        let mut report = Report::on(format!("Provisioner/{own}"), &mut self.findings);
        let mut pool = NodePool::new(own, pool::convert(own, spec, era, &mut report));
        if !is_usable {
            if spec.provider_ref.is_some() {
                report.refuse("spec.providerRef", format!("{} cannot be converted", settings.object), "see its errors");
            }
            return;
        }
        class.spec.kubelet = spec.kubelet_configuration.as_ref().map(|kubelet| class::kubelet(kubelet, &mut report));
        let class_name = free_name(&self.classes, base, own, &class);
        pool.spec.template.spec.node_class_ref.name.clone_from(&class_name);
        class.metadata.name = Some(class_name.clone());
        if report.is_accepted(super::CORE_V1, "NodePool", &pool) && report.is_accepted(super::AWS_V1, "EC2NodeClass", &class) {
            if class_name != base {
                let message = format!("becomes EC2NodeClass {class_name:?}, because {base:?} is another with other settings");
                report.warn("spec.kubeletConfiguration", message, "");
            }
            self.classes.insert(class_name, class);
            self.pools.push(pool);
        }
    }

    /// The settings of the cloud, and the name that their class should have.
    fn settings<'a>(
        &mut self,
        own: &'a str,
        spec: &'a ProvisionerSpec,
        templates: &BTreeMap<&str, &'a AWSNodeTemplate>,
    ) -> Option<(Settings<'a>, &'a str)> {
        let mut report = Report::on(format!("Provisioner/{own}"), &mut self.findings);
        match (&spec.provider, &spec.provider_ref) {
            (Some(provider), None) => Some((Settings::inline(own, provider), own)),
            (None, Some(reference)) => {
                self.referred.insert(reference.name.clone());
                let Some(template) = templates.get(reference.name.as_str()) else {
                    let message = format!("there is no AWSNodeTemplate {:?} in the input", reference.name);
                    report.refuse("spec.providerRef", message, "add its manifest");
                    return None;
                };
                Some((Settings::of(&reference.name, template), reference.name.as_str()))
            }
            (Some(_), Some(_)) => {
                report.refuse("spec", "'provider' and 'providerRef' are mutually exclusive", "keep one of them");
                None
            }
            (None, None) => {
                report.refuse("spec", "must specify exactly one of ['provider', 'providerRef']", "add one of them");
                None
            }
        }
    }

    /// A template that nobody refers to.
    fn template(&mut self, name: &str, template: &AWSNodeTemplate) {
        let settings = Settings::of(name, template);
        let mut report = Report::on(settings.object.clone(), &mut self.findings);
        let class = EC2NodeClass::new(name, class::convert(&settings, &mut report));
        if report.is_refused || !report.is_accepted(super::AWS_V1, "EC2NodeClass", &class) {
            return;
        }
        let free = free_name(&self.classes, name, "template", &class);
        self.classes.insert(free.clone(), EC2NodeClass::new(&free, class.spec));
    }

    /// Each finding once, and none but errors about what is left out.
    fn finish(mut self) -> Conversion {
        let refused: BTreeSet<Option<String>> = self.findings.iter().filter(|f| f.is_error()).map(|f| f.object.clone()).collect();
        let mut seen = BTreeSet::new();
        self.findings
            .retain(|finding| (finding.is_error() || !refused.contains(&finding.object)) && seen.insert(finding.clone()));
        Conversion { node_pools: self.pools, node_classes: self.classes.into_values().collect(), findings: self.findings }
    }
}

/// The wanted name, unless a class with other settings has it: then the owner's name is appended, and a number if need be.
fn free_name(taken: &BTreeMap<String, EC2NodeClass>, wanted: &str, owner: &str, class: &EC2NodeClass) -> String {
    let is_free = |candidate: &str| taken.get(candidate).is_none_or(|other| other.spec == class.spec);
    let with_owner = format!("{wanted}-{owner}");
    if is_free(wanted) {
        return wanted.to_owned();
    }
    if is_free(&with_owner) {
        return with_owner;
    }
    (2..=u32::MAX).map(|number| format!("{with_owner}-{number}")).find(|candidate| is_free(candidate)).unwrap_or(with_owner)
}
