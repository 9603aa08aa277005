// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// EnvPrefix begins the environment variable of every flag.
const EnvPrefix = "MERIDIAN_"

// EnvName gives the environment variable of a flag: geo-tag → MERIDIAN_GEO_TAG.
func EnvName(flag string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// skipped are flags of the command line itself.
var skipped = []string{"config", "help"}

// Load fills every flag of fs that was not given: first from the environment,
// then from the YAML file (none if file is ""). A key of the file is the flag's
// name without the dashes; lists may be written as YAML lists. All problems are
// returned at once.
func Load(fs *pflag.FlagSet, file string, lookup func(string) (string, bool)) error {
	values, problems := readFile(fs, file)
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Changed || slices.Contains(skipped, f.Name) {
			return
		}
		if v, ok := lookup(EnvName(f.Name)); ok {
			for _, one := range envValues(f, v) {
				if err := fs.Set(f.Name, one); err != nil {
					problems = append(problems, fmt.Errorf("environment variable %s=%q: %w", EnvName(f.Name), v, err))
				}
			}
			return
		}
		for _, v := range values[f.Name] {
			if err := fs.Set(f.Name, v); err != nil {
				problems = append(problems, fmt.Errorf("%s: %s: %q: %w", file, f.Name, v, err))
			}
		}
	})
	return errors.Join(problems...)
}

// envValues splits the value of a repeatable flag at white space.
func envValues(f *pflag.Flag, v string) []string {
	if f.Value.Type() == "stringArray" {
		return strings.Fields(v)
	}
	return []string{v}
}

// readFile gives the values of each key; unknown keys are problems.
func readFile(fs *pflag.FlagSet, file string) (map[string][]string, []error) {
	if file == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, []error{fmt.Errorf("--config: %w", err)}
	}
	var doc map[string]yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return nil, []error{fmt.Errorf("%s: %w", file, err)}
	}
	values := make(map[string][]string)
	var problems []error
	for key, node := range doc {
		if fs.Lookup(key) == nil || slices.Contains(skipped, key) {
			problems = append(problems, fmt.Errorf("%s:%d: unknown key %q; keys are the names of the flags, like geo-tag", file, node.Line, key))
			continue
		}
		switch node.Kind {
		case yaml.ScalarNode:
			values[key] = []string{node.Value}
		case yaml.SequenceNode:
			for _, item := range node.Content {
				values[key] = append(values[key], item.Value)
			}
		default:
			problems = append(problems, fmt.Errorf("%s:%d: %s: write one value or a list of values", file, node.Line, key))
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return values, problems
}
