// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// environment returns the variables of a container, and POD_IP, POD_NAME,
// POD_NAMESPACE and NODE_NAME, which everybody wants. Addresses are those to
// listen on, not the reported ones. Values from ConfigMaps and Secrets are not
// supported, and an error.
func environment(config Config, pod *corev1.Pod, spec *corev1.Container, address netip.Addr) (map[string]string, error) {
	env := map[string]string{
		"POD_IP":        address.String(),
		"POD_NAME":      pod.Name,
		"POD_NAMESPACE": pod.Namespace,
		"NODE_NAME":     config.name(),
	}
	if len(spec.EnvFrom) > 0 {
		return nil, fmt.Errorf("envFrom is not supported; use env with values")
	}
	for _, variable := range spec.Env {
		value := expand(variable.Value, env)
		if from := variable.ValueFrom; from != nil {
			if from.FieldRef == nil {
				return nil, fmt.Errorf("env %s: only value and valueFrom.fieldRef are supported", variable.Name)
			}
			field, err := fieldOf(config, pod, address, from.FieldRef.FieldPath)
			if err != nil {
				return nil, fmt.Errorf("env %s: %w", variable.Name, err)
			}
			value = field
		}
		env[variable.Name] = value
	}
	return env, nil
}

func fieldOf(config Config, pod *corev1.Pod, address netip.Addr, path string) (string, error) {
	fields := map[string]string{
		"metadata.name":           pod.Name,
		"metadata.namespace":      pod.Namespace,
		"metadata.uid":            string(pod.UID),
		"spec.nodeName":           config.name(),
		"spec.serviceAccountName": pod.Spec.ServiceAccountName,
		"status.podIP":            address.String(),
		"status.podIPs":           address.String(),
		"status.hostIP":           config.Plan.API().String(),
	}
	if value, ok := fields[path]; ok {
		return value, nil
	}
	for prefix, values := range map[string]map[string]string{
		"metadata.labels['": pod.Labels, "metadata.annotations['": pod.Annotations,
	} {
		if key, ok := strings.CutPrefix(path, prefix); ok {
			return values[strings.TrimSuffix(key, "']")], nil
		}
	}
	return "", fmt.Errorf("fieldRef %q is not supported", path)
}

// expand replaces $(NAME) by the variable, $$ by $, and leaves what it does not
// know, as Kubernetes does in commands, arguments and values.
func expand(text string, env map[string]string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 || i+1 == len(text) {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i])
		text = text[i:]
		if text[1] == '$' {
			b.WriteByte('$')
			text = text[2:]
			continue
		}
		end := strings.IndexByte(text, ')')
		if text[1] != '(' || end < 0 {
			b.WriteByte('$')
			text = text[1:]
			continue
		}
		if value, ok := env[text[2:end]]; ok {
			b.WriteString(value)
		} else {
			b.WriteString(text[:end+1])
		}
		text = text[end+1:]
	}
}
