// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

func nn(namespace, name string) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: name}
}

func translationOf(hosts ...string) *translation {
	tr := &translation{}
	for _, h := range hosts {
		tr.out.Hosts = append(tr.out.Hosts, translate.HostStatus{Host: gslb.MustName(h), Text: h})
	}
	return tr
}

func TestTranslations(t *testing.T) {
	all := newTranslations()
	assert.Nil(t, all.get(nn("a", "x")))
	all.put(nn("a", "x"), translationOf("one.example.com", "two.example.com"))
	all.put(nn("a", "y"), translationOf("two.example.com"))
	assert.ElementsMatch(t, []types.NamespacedName{nn("a", "x"), nn("a", "y")}, all.having(gslb.MustName("two.example.com")))

	all.put(nn("a", "x"), translationOf("three.example.com"))
	assert.Empty(t, all.having(gslb.MustName("one.example.com")))
	assert.Equal(t, []types.NamespacedName{nn("a", "y")}, all.having(gslb.MustName("two.example.com")))
	assert.Equal(t, 2, all.len())

	all.put(nn("a", "x"), nil)
	all.put(nn("a", "y"), nil)
	all.put(nn("a", "z"), nil)
	assert.Equal(t, newTranslations(), all, "nothing is left behind")
}
