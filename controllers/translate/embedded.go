// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"maps"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meridian-gslb/meridian/api/k8gb"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// karmadaWork begins the annotations that Karmada puts on the objects it propagates.
const karmadaWork = "work.karmada.io/"

// embedded decides about the Ingress of an embedded spec.
//
//	Ingress of that name         | read | written
//	none                         | –    | created
//	ours                         | yes  | updated where it differs
//	of a twin in another group   | yes  | updated where it differs; `kubectl meridian migrate` makes it ours
//	nobody's, and the Gslb is    | yes  | updated where it differs, and belongs to nobody still: k8gb
//	  k8gb's, or was             |      | takes such a one, and leaves one when it moves Gslbs to its newer group
//	the one that made the Gslb   | yes  | never
//	any, and nothing is writable | yes  | never
//	propagated by Karmada        | yes  | never, and said
//	anybody else's               | no   | never, and told as a conflict
func (b *builder) embedded() {
	found := b.target.ingress
	switch {
	case b.in.ReadOnly:
	case found == nil:
		b.write(desiredIngress(b.in.Gslb))
	case metav1.IsControlledBy(found, b.in.Gslb), ofTwin(found, b.in.Gslb), b.takesOver(found):
		if updated := updateIngress(found, desiredIngress(b.in.Gslb)); updated != nil {
			b.write(updated)
		}
	case metav1.IsControlledBy(b.in.Gslb, found):
		// k8gb once copied an annotated Ingress into the Gslb that it made for it.
	case propagated(found):
		b.find(gslbv1beta1.ConditionResolved, gslbv1beta1.ReasonIngressManagedElsewhere, false, "spec.ingress",
			fmt.Sprintf("%s is propagated by Karmada: it is read and never written", b.target.first()))
	default:
		name := b.target.first()
		b.target.disown()
		b.find(gslbv1beta1.ConditionResolved, gslbv1beta1.ReasonIngressNotWritten, true, "spec.ingress",
			fmt.Sprintf("%s exists and %s, so it is left alone; delete or rename one of the two, or refer to it by resourceRef", name, ownerOf(found)))
	}
}

// takesOver reports that k8gb would take an Ingress of the Gslb's name for the Gslb's, though it
// belongs to nobody.
func (b *builder) takesOver(found metav1.Object) bool {
	return b.ofK8gb() && metav1.GetControllerOf(found) == nil && !propagated(found)
}

// disown takes the Ingress that was found for none: nothing of it counts.
func (t *target) disown() {
	t.foreign = true
	for i := range t.objects {
		t.objects[i].annotations = nil
	}
	for i := range t.Hosts {
		t.Hosts[i].Entries = nil
	}
}

// write asks for an Ingress to be written, unless what it should say is not known.
func (b *builder) write(ing *networkingv1.Ingress) {
	if !b.in.ControlPlane && b.in.Gslb.DeletionTimestamp.IsZero() && len(specProblems(&b.in.Gslb.Spec)) == 0 {
		b.out.Ingress = ing
	}
}

// ofTwin reports that an object belongs to a Gslb of the same name in another group: one
// that this Gslb takes the place of.
func ofTwin(obj metav1.Object, g *gslbv1beta1.Gslb) bool {
	owner := metav1.GetControllerOf(obj)
	if owner == nil || owner.Kind != gslbv1beta1.GslbKind || owner.Name != g.Name {
		return false
	}
	group, _, _ := strings.Cut(owner.APIVersion, "/")
	return group != GroupOf(g) && (group == gslbv1beta1.Group || k8gb.IsGroup(group))
}

func propagated(obj metav1.Object) bool {
	for key := range obj.GetAnnotations() {
		if strings.HasPrefix(key, karmadaWork) {
			return true
		}
	}
	return false
}

func ownerOf(obj metav1.Object) string {
	if owner := metav1.GetControllerOf(obj); owner != nil {
		return fmt.Sprintf("belongs to %s %s (uid %s)", owner.Kind, owner.Name, owner.UID)
	}
	return "does not belong to this Gslb"
}

// desiredIngress is the embedded Ingress as an object.
func desiredIngress(g *gslbv1beta1.Gslb) *networkingv1.Ingress {
	return &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: g.Namespace, Name: g.Name,
			Labels: map[string]string{
				gslbv1beta1.LabelManagedBy:     gslbv1beta1.ManagedByMeridian,
				gslbv1beta1.K8gbLabelManagedBy: gslbv1beta1.K8gbManagedByGslb,
			},
			Annotations:     passedOn(g.Annotations),
			OwnerReferences: []metav1.OwnerReference{controllerRef(g)},
		},
		Spec: g.Spec.Ingress.ToNetworkingV1(),
	}
}

// controllerRef is an owner reference to a Gslb, in the group that it was read from.
func controllerRef(g *gslbv1beta1.Gslb) metav1.OwnerReference {
	group, version, found := strings.Cut(g.APIVersion, "/")
	if !found {
		group, version = gslbv1beta1.Group, gslbv1beta1.Version
	}
	return *metav1.NewControllerRef(g, schema.GroupVersionKind{Group: group, Version: version, Kind: gslbv1beta1.GslbKind})
}

// tools begin the labels and annotations by which tools know the objects that they manage,
// own or prune.
var tools = [...]string{
	"kubectl.kubernetes.io/", "applyset.kubernetes.io/", "argocd.argoproj.io/", "meta.helm.sh/", "helm.sh/",
	"kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/", "config.kubernetes.io/", "config.k8s.io/", "objectset.rio.cattle.io/",
	karmadaWork, "resourcetemplate.karmada.io/",
}

// OfTool reports whether a label or annotation is one by which a tool knows an object that
// it manages itself. It is of no use on another object, which the tool would take for its
// own, and prune.
func OfTool(key string) bool {
	for _, prefix := range tools {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return key == "app.kubernetes.io/instance" || key == gslbv1beta1.LabelManagedBy
}

// passedOn are the annotations of a Gslb that its Ingress gets, as with k8gb: all but ours
// and those of tools. They are how an Ingress controller or cert-manager is told what to do.
func passedOn(annotations map[string]string) map[string]string {
	passed := make(map[string]string)
	for key, value := range annotations {
		if !OfTool(key) && !strings.HasPrefix(key, gslbv1beta1.Group+"/") && !strings.HasPrefix(key, k8gbPrefix) {
			passed[key] = value
		}
	}
	if len(passed) == 0 {
		return nil
	}
	return passed
}

// updateIngress gives the Ingress that was found with everything that is ours set as
// desired; nil if it is so already. What others added stays: labels, annotations, and
// the class that an admission plugin filled in.
func updateIngress(found, desired *networkingv1.Ingress) *networkingv1.Ingress {
	updated := found.DeepCopy()
	updated.Spec = desired.Spec
	if updated.Spec.IngressClassName == nil {
		updated.Spec.IngressClassName = found.Spec.IngressClassName
	}
	updated.Labels = merged(found.Labels, desired.Labels)
	updated.Annotations = merged(found.Annotations, desired.Annotations)
	if equality.Semantic.DeepEqual(found, updated) {
		return nil
	}
	return updated
}

func merged(base, over map[string]string) map[string]string {
	if len(over) == 0 {
		return base
	}
	all := make(map[string]string, len(base)+len(over))
	maps.Copy(all, base)
	maps.Copy(all, over)
	return all
}
