import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify, parse } from 'yaml';
import { freePort } from '../../../lab/free-port.js';
import { temporaryDirectory } from '../../../lab/temporary-directory.js';
import { Metrics } from '../../../src/platform/metrics/index.js';
import { startTestApp } from '../../support/app.js';
import { selectedBy } from '../../support/promql.js';

const EXAMPLES = 'deploy/observability';

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { h: number; w: number; x: number; y: number };
  datasource?: { type: string; uid: string };
  targets?: { refId: string; expr: string; datasource: { uid: string } }[];
}

interface Dashboard {
  title: string;
  uid: string;
  schemaVersion: number;
  panels: Panel[];
  templating: { list: { name: string; type: string; query: unknown }[] };
}

const dashboard = JSON.parse(readFileSync(join(EXAMPLES, 'grafana-dashboard.json'), 'utf8')) as Dashboard;
const { groups } = parse(readFileSync(join(EXAMPLES, 'alert-rules.yaml'), 'utf8')) as { groups: { rules: { alert: string; expr: string }[] }[] };

const rules = groups.flatMap((group) => group.rules.map(({ alert, expr }): [string, string] => [alert, expr]));
/** With what Grafana puts in for its variables. */
const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ refId, expr }): [string, string] => [`${title}, ${refId}`, expr.replaceAll('$__rate_interval', '5m').replace(/\$\w+/g, '.*')]),
);

/** Every name that the service serves, with the labels that samples of it have. */
async function served(): Promise<Map<string, Set<string>>> {
  const app = await startTestApp({ METRICS_PORT: String(await freePort()) });
  const labelsOf = new Map<string, Set<string>>();
  const all = app.service.app.get(Metrics).registry.getMetricsAsArray() as unknown as { name: string; type: string; labelNames: string[] }[];
  for (const { name, type, labelNames } of all) {
    // Prometheus puts job and instance on whatever it scrapes.
    const labels = ['job', 'instance', ...labelNames];
    if (type !== 'histogram') labelsOf.set(name, new Set(labels));
    else for (const [suffix, own] of [['_bucket', ['le']], ['_count', []], ['_sum', []]] as const) labelsOf.set(name + suffix, new Set([...labels, ...own]));
  }
  await app.close();
  return labelsOf;
}

describe('the examples for Prometheus and Grafana', () => {
  let labelsOf: Map<string, Set<string>>;
  beforeAll(async () => {
    labelsOf = await served();
  });

  it.each([...rules, ...queries])('ask in "%s" only for what is served', (_what, expression) => {
    const { selected, grouped } = selectedBy(expression);
    expect(selected).not.toEqual([]);
    const known = new Set<string>();
    for (const { metric, labels } of selected) {
      expect([metric, labelsOf.has(metric)]).toEqual([metric, true]);
      for (const label of labels) expect([metric, label, labelsOf.get(metric)!.has(label)]).toEqual([metric, label, true]);
      labelsOf.get(metric)!.forEach((label) => known.add(label));
    }
    for (const label of grouped) expect([label, known.has(label)]).toEqual([label, true]);
  });

  it('would not, if they named something else', () => {
    expect(selectedBy('sum by (pod) (rate(up_total{zone="x"}[5m]))')).toEqual({ selected: [{ metric: 'up_total', labels: ['zone'] }], grouped: ['pod'] });
    expect(() => selectedBy('sum by (')).toThrow('No PromQL');
  });

  it('have alerts that promtool takes, and that are raised when they should be', () => {
    expect(execFileSync('promtool', ['check', 'rules', 'alert-rules.yaml'], { cwd: EXAMPLES, encoding: 'utf8' })).toContain(`SUCCESS: ${rules.length} rules found`);
    expect(spawnSync('promtool', ['test', 'rules', 'alert-rules.test.yaml'], { cwd: EXAMPLES, encoding: 'utf8' })).toMatchObject({ stderr: '', status: 0 });
  });

  it('have a dashboard whose queries promtool takes', () => {
    const directory = temporaryDirectory();
    const file = join(directory, 'queries.yaml');
    writeFileSync(file, stringify({ groups: [{ name: 'queries', rules: queries.map(([, expr], at) => ({ record: `query_${at}`, expr })) }] }));
    const checked = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
    rmSync(directory, { recursive: true });
    expect(checked).toMatchObject({ stderr: '', status: 0 });
  });

  it('have a dashboard that Grafana can read, with whichever source of data', () => {
    expect(dashboard).toMatchObject({ title: 'ServiceRadar Edge', uid: 'serviceradar-edge', schemaVersion: expect.any(Number) });
    expect(dashboard.templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const panel of panels) {
      const { gridPos, type, title } = panel;
      expect([title, gridPos.x + gridPos.w <= 24]).toEqual([title, true]);
      if (type === 'row') continue;
      expect(panel).toMatchObject({ type: expect.stringMatching(/^(?:timeseries|stat)$/), datasource: { type: 'prometheus', uid: '${datasource}' } });
      expect(panel.targets).not.toHaveLength(0);
      for (const { datasource } of panel.targets!) expect(datasource.uid).toBe('${datasource}');
    }
  });
});
