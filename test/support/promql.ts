import { parser } from '@prometheus-io/lezer-promql';

/** What an expression asks for: a metric, and the labels that it picks by. */
export interface Selected {
  metric: string;
  labels: string[];
}

/** @throws Error where it is no PromQL */
export function selectedBy(expression: string): { selected: Selected[]; grouped: string[] } {
  const selected: Selected[] = [];
  const grouped: string[] = [];
  const text = ({ from, to }: { from: number; to: number }) => expression.slice(from, to);
  parser.parse(expression).iterate({
    enter({ type, node }) {
      if (type.isError) throw new Error(`No PromQL, at ${node.from} of ${expression}`);
      if (type.name === 'VectorSelector') {
        const matchers = node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? [];
        selected.push({ metric: text(node.getChild('Identifier')!), labels: matchers.map((matcher) => text(matcher.getChild('LabelName')!)) });
      }
      if (type.name === 'GroupingLabels') grouped.push(...node.getChildren('LabelName').map(text));
    },
  });
  return { selected, grouped };
}
