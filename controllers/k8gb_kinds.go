// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// Names of k8gb's kinds in logs and metrics, and of the kind that its operator runs in.
const (
	k8gbGslbName = gslbv1beta1.GslbKind + "." + k8gb.Group
	absaGslbName = gslbv1beta1.GslbKind + "." + k8gb.AbsaGroup
	k8gbZoneName = gslbv1beta1.ZoneDelegationKind + "." + k8gb.Group
	operatorName = "Deployment"
)

func incumbentName(obj runtime.Object) string {
	switch obj.(type) {
	case *k8gb.Gslb:
		return k8gbGslbName
	case *absa.Gslb:
		return absaGslbName
	case *k8gb.ZoneDelegation:
		return k8gbZoneName
	case *appsv1.Deployment:
		return operatorName
	}
	return ""
}

// withIncumbents gives k8gb's kinds, and lets them stand in for ours in own: where k8gb's
// definitions are, ours are installed only when somebody wants them.
func withIncumbents(own []kind) []kind {
	gslbs := []func() client.ObjectList{
		func() client.ObjectList { return &k8gb.GslbList{} }, func() client.ObjectList { return &absa.GslbList{} },
	}
	for i := range own {
		if own[i].name == gslbv1beta1.GslbKind || own[i].name == gslbv1beta1.ZoneDelegationKind {
			own[i].optional, own[i].standIns = true, gslbs // the older group has no ZoneDelegation
		}
	}
	return []kind{
		{name: k8gbZoneName, object: func() client.Object { return &k8gb.ZoneDelegation{} },
			list: func() runtime.Object { return &k8gb.ZoneDelegationList{} }, strip: stripNothing, optional: true},
		{name: k8gbGslbName, object: func() client.Object { return &k8gb.Gslb{} },
			list: func() runtime.Object { return &k8gb.GslbList{} }, strip: stripNothing, optional: true},
		{name: absaGslbName, object: func() client.Object { return &absa.Gslb{} },
			list: func() runtime.Object { return &absa.GslbList{} }, strip: stripNothing, optional: true},
		{name: operatorName, object: func() client.Object { return &appsv1.Deployment{} },
			list: func() runtime.Object { return &appsv1.DeploymentList{} }, strip: stripDeployment, optional: true,
			fields: fields.OneTermEqualSelector("metadata.name", k8gb.OperatorName)},
	}
}

// stripDeployment keeps of a Deployment whether anything of it runs, or may.
func stripDeployment(obj client.Object) {
	obj.SetAnnotations(nil)
	if d, ok := obj.(*appsv1.Deployment); ok {
		d.Spec = appsv1.DeploymentSpec{Replicas: d.Spec.Replicas}
		d.Status = appsv1.DeploymentStatus{Replicas: d.Status.Replicas}
	}
}

// standIn asks the API whether one of several kinds exists; nil for none. One that may
// not be read exists.
func (a *api) standIn(lists []func() client.ObjectList) func(context.Context) bool {
	if len(lists) == 0 {
		return nil
	}
	return func(ctx context.Context) bool {
		for _, list := range lists {
			if err := a.direct.List(ctx, list(), client.Limit(1)); err == nil || apierrors.IsForbidden(err) {
				return true
			}
		}
		return false
	}
}
