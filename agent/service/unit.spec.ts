import { renderUnit } from './unit.js';

const unit = (directory = '/var/lib/serviceradar-agent', groups = ['nats']) => renderUnit({ command: ['/usr/bin/node', '--max-old-space-size=32', '/usr/local/lib/serviceradar-agent/serviceradar-agent.cjs'], directory, groups });

describe('the unit of the agent', () => {
  it('runs it as a user of its own, who may write to its own directory and nothing else', () => {
    const lines = unit().split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'ExecStart=/usr/bin/node --max-old-space-size=32 /usr/local/lib/serviceradar-agent/serviceradar-agent.cjs run --config /var/lib/serviceradar-agent',
        'User=serviceradar-agent',
        'SupplementaryGroups=nats',
        'ReadWritePaths=/var/lib/serviceradar-agent',
        'ProtectSystem=strict',
        'NoNewPrivileges=true',
        'CapabilityBoundingSet=',
      ]),
    );
  });

  it('names no group that the machine does not have', () => expect(unit('/srv', [])).not.toContain('SupplementaryGroups'));

  it('takes the name of a directory as data', () => {
    const start = unit('/srv/a"b $(touch x) %n').split('\n').find((line) => line.startsWith('ExecStart='));
    expect(start).toMatch(/ --config "\/srv\/a\\"b \$\$\(touch x\) %%n"$/);
  });
});
