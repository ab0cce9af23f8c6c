import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigAnswer } from '../gateway/wire.js';
import { configurationOf, ConfigurationStore, FIRST_CONFIGURATION, onThisMachine } from './configuration.js';

const [leaf] = FIRST_CONFIGURATION.checks;
const answer = (more: Partial<ConfigAnswer>): ConfigAnswer => ({ not_modified: false, config_version: 'v2', heartbeat_interval_sec: 0, config_poll_interval_sec: 0, checks: [], config_json: Buffer.alloc(0), ...more });
const tcp = { ...leaf!, check_type: 'tcp', name: 'PLC' };

describe('a configuration', () => {
  it('takes the place of the one before, and always has the leaf in it', () => {
    expect(configurationOf(answer({ checks: [tcp], heartbeat_interval_sec: 7 }), FIRST_CONFIGURATION)).toEqual({ version: 'v2', heartbeatInterval: 7, pollInterval: 30, checks: [leaf, tcp] });
    const disabled = { ...leaf!, enabled: false };
    expect(configurationOf(answer({ checks: [disabled] }), FIRST_CONFIGURATION).checks).toEqual([disabled]);
  });

  it('stays when it is the newest, and intervals count all the same', () => {
    const known = { ...FIRST_CONFIGURATION, version: 'v1', checks: [leaf!, tcp] };
    expect(configurationOf(answer({ not_modified: true, config_version: 'v1', config_poll_interval_sec: 5 }), known)).toEqual({ ...known, pollInterval: 5 });
  });

  it('has the leaf’s files where they are on this machine', () => {
    expect(onThisMachine(leaf!, '/srv/leaf/etc/nats').settings).toMatchObject({ config_dir: '/srv/leaf/etc/nats', monitor_url: 'http://127.0.0.1:8222' });
    expect(onThisMachine(tcp, '/srv')).toBe(tcp);
    expect(onThisMachine(leaf!, undefined)).toBe(leaf);
  });

  it('is kept on the disk, and what cannot be read there is as good as none', () => {
    const directory = mkdtempSync(join(tmpdir(), 'configuration-'));
    const store = new ConfigurationStore(join(directory, 'state'));
    expect(store.load()).toEqual(FIRST_CONFIGURATION);
    const kept = { ...FIRST_CONFIGURATION, version: 'v3' };
    store.keep(kept);
    expect(store.load()).toEqual(kept);
    writeFileSync(join(directory, 'state/configuration.json'), '{"checks": [');
    expect(store.load()).toEqual(FIRST_CONFIGURATION);
    rmSync(directory, { recursive: true });
  });

  it('is asked for anew by another version of the agent, and used until it comes', () => {
    const directory = mkdtempSync(join(tmpdir(), 'configuration-'));
    const kept = { ...FIRST_CONFIGURATION, version: 'v3', checks: [tcp] };
    new ConfigurationStore(directory, '0.1.0').keep(kept);
    expect(new ConfigurationStore(directory, '0.2.0').load()).toEqual({ ...kept, version: '' });
    writeFileSync(join(directory, 'configuration.json'), JSON.stringify(kept));
    expect(new ConfigurationStore(directory).load()).toEqual({ ...kept, version: '' });
    rmSync(directory, { recursive: true });
  });
});
