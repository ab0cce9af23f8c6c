// Asks the package registry for known weaknesses of what is installed (`npm audit`), and fails for those that are high or critical.
// A registry that has no audit, or none that can be reached, says nothing about the packages: that is told, and is no failure.
//
// usage: node scripts/audit.mjs
// exit:  0 none, or nobody could be asked; 1 some
import { spawnSync } from 'node:child_process';

const { stdout, error } = spawnSync('npm', ['audit', '--json'], { encoding: 'utf8', timeout: 60_000, stdio: ['ignore', 'pipe', 'ignore'] });

function reportOf(text) {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return {};
  }
}

const report = reportOf(stdout);
const counts = report.metadata?.vulnerabilities;
if (counts === undefined) {
  const why = report.statusCode ? `it answered ${report.statusCode}` : (error?.code ?? 'it gave no report');
  console.log(`NOT AUDITED: the package registry could not be asked for known weaknesses (${why}). Run npm audit where it can be.`);
} else {
  const severe = Object.values(report.vulnerabilities ?? {}).filter(({ severity }) => ['high', 'critical'].includes(severity));
  for (const { name, severity, range } of severe) console.error(`${name} ${range}: ${severity}`);
  console.log(`${counts.total} known weaknesses in the dependencies, ${severe.length} of them high or critical`);
  process.exit(severe.length > 0 ? 1 : 0);
}
