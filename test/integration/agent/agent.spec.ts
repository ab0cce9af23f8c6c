import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { env } from 'node:process';
import { status } from '@grpc/grpc-js';
import { AgentProcess } from '../../../lab/agent-process.js';
import { temporaryDirectory } from '../../../lab/temporary-directory.js';
import { until } from '../../../lab/until.js';
import { TestAuthority } from '../../../libs/pki/test-authority.js';
import { StandInGateway } from './stand-in-gateway.js';

const DAY = 24 * 60 * 60 * 1000;

let directory: string;
let gateway: StandInGateway;
let agent: AgentProcess;
beforeEach(async () => {
  directory = temporaryDirectory();
  gateway = await StandInGateway.create();
  agent = new AgentProcess({ directory });
});
afterEach(async () => {
  await agent.kill();
  gateway.stop();
  rmSync(directory, { recursive: true });
});

const packaged = async (agentId?: string) => {
  const file = join(directory, `package ${agentId ?? ''}.tar.gz`);
  writeFileSync(file, await gateway.package(agentId));
  return file;
};
const enrolled = async () => agent.enrol(await packaged());
/** Checks that cost nothing, and are quick. */
const running = (name: string, target: string) => ({ check_id: name, check_type: 'process', name, enabled: true, interval_sec: 1, timeout_sec: 1, target });
const saying = (text: string | RegExp) => until(`the agent says ${text}`, () => (typeof text === 'string' ? agent.log.includes(text) : text.test(agent.log)));
const reported = (name: string) => gateway.reports.flatMap(({ services }) => services.filter((one) => one.service_name === name));
const lastOf = (name: string) => JSON.parse(reported(name).at(-1)?.message.toString() ?? 'null') as Record<string, unknown> | null;
const kept = (what = 'spool') => readdirSync(join(agent.home, 'state', what));

describe('an agent that enrols', () => {
  it('has what it needs, for itself only', async () => {
    expect(await enrolled()).toContain(`The agent agent-1 has enrolled in ${agent.home}`);
    for (const name of ['gateway.json', 'certs/component.pem', 'certs/component-key.pem', 'certs/ca-chain.pem']) expect(statSync(join(agent.home, name)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(join(agent.home, 'gateway.json'), 'utf8'))).toMatchObject({ component_id: 'agent-1', cert_file: 'certs/component.pem' });
  });

  it('makes the directories above its own for all to come through', async () => {
    const above = join(directory, 'a');
    const { code } = await agent.command(['enrol', '--bundle', await packaged(), '--dir', join(above, 'b/agent')]);
    expect(code).toBe(0);
    const modes = [above, join(above, 'b'), join(above, 'b/agent')].map((path) => statSync(path).mode & 0o777);
    expect(modes).toEqual([0o777 & ~process.umask(), 0o777 & ~process.umask(), 0o700]);
  });

  it('writes to nothing that a link in its directory leads to', async () => {
    await enrolled();
    const other = join(directory, 'other');
    writeFileSync(other, 'of somebody else');
    symlinkSync(other, join(agent.home, 'gateway.json.new'));
    await enrolled();
    expect(readFileSync(other, 'utf8')).toBe('of somebody else');

    mkdirSync(join(directory, 'others'));
    rmSync(join(agent.home, 'certs'), { recursive: true });
    symlinkSync(join(directory, 'others'), join(agent.home, 'certs'));
    await expect(enrolled()).rejects.toThrow(/certs is a link/);
    expect(readdirSync(join(directory, 'others'))).toEqual([]);
  });

  it('does not take the place of another, unless it is told to', async () => {
    await enrolled();
    const other = await packaged('agent-2');
    const refused = await agent.command(['enrol', '--bundle', other, '--dir', agent.home]);
    expect(refused).toMatchObject({ code: 1, output: expect.stringContaining('is that of the agent "agent-1", and the package is for "agent-2"') });
    expect((await agent.enrol(other, '--replace'))).toContain('has enrolled');
  });

  it.each([
    ['is no archive', Buffer.from('no archive'), 'not an archive'],
    ['is cut off', undefined, 'not'],
  ])('says so when its package %s', async (_what, content, why) => {
    const file = await packaged();
    writeFileSync(file, content ?? readFileSync(file).subarray(0, 900));
    const { code, output } = await agent.command(['enrol', '--bundle', file, '--dir', agent.home]);
    expect([code, output]).toEqual([1, expect.stringContaining(why)]);
    expect(output).not.toMatch(/\n.*at /);
  });

  it('says what is wrong with a token, and does not repeat it', async () => {
    const { code, output } = await agent.command(['enrol', '--token', 'collectorpkg-v2:secret', '--dir', agent.home]);
    expect([code, output]).toEqual([1, expect.stringContaining('not the token of an onboarding package')]);
    expect(output).not.toContain('secret');
  });

  it('has to have enrolled before it runs', async () => {
    expect(await agent.command(['run', '--config', agent.home])).toMatchObject({ code: 1, output: expect.stringContaining('enrol first') });
  });
});

describe('an agent that runs', () => {
  it('says who it is, does what it is told, and reports it', async () => {
    gateway.checks = [running('node', 'node'), running('a"b $(touch x) `id` 🏭', 'no such process')];
    gateway.configVersion = 'v1';
    await enrolled();
    await gateway.start();
    agent.start();
    await until('both are reported', () => reported('node').length > 0 && reported('a"b $(touch x) `id` 🏭').length > 0 && reported('nats-leaf').length > 0);
    expect(gateway.hellos[0]).toMatchObject({ version: '0.1.0', os: 'linux', capabilities: ['nats_leaf', 'tcp', 'http', 'icmp', 'process', 'grpc'], config_version: '' });
    expect([reported('node').at(-1)!.available, reported('a"b $(touch x) `id` 🏭').at(-1)!.available]).toEqual([true, false]);
    expect(lastOf('serviceradar-agent')).toMatchObject({ config_version: 'v1', reports_dropped: 0, clock_behind_seconds: 0 });
  });

  it('changes to what it is told next, and goes on with that while the gateway is away', async () => {
    gateway.checks = [running('before', 'node')];
    gateway.configVersion = 'v1';
    await enrolled();
    await gateway.start();
    agent.start();
    await until('the first is reported', () => reported('before').length > 0);
    gateway.checks = [running('after', 'node')];
    gateway.configVersion = 'v2';
    await until('the next is reported', () => reported('after').length > 0);
    const count = reported('before').length;
    expect(await agent.stop()).toBe(0);
    gateway.stop();
    agent.start();
    await saying('does not answer');
    await until('it has reports to send', () => kept().length > 0);
    const known = gateway.reports.length;
    await gateway.start();
    await until('what was kept has come', () => gateway.reports.slice(known).some(({ services }) => services.some((one) => one.service_name === 'after')));
    expect(gateway.hellos.at(-1)).toMatchObject({ config_version: 'v2' });
    expect(reported('before')).toHaveLength(count);
  });

  it('keeps what it has to say while the gateway is away, and says it in order with its times, also when it is killed meanwhile', async () => {
    gateway.checks = [running('node', 'node')];
    gateway.configVersion = 'v1';
    await enrolled();
    await gateway.start();
    agent.start();
    await until('it reports', () => reported('node').length > 0);
    gateway.stop();
    const away = gateway.reports.length;
    await until('some reports are kept', () => kept().length > 0 && statSync(join(agent.home, 'state/spool', kept()[0]!)).size > 2_000);
    await agent.kill();
    // As if it had been killed in the middle of another one.
    writeFileSync(join(agent.home, 'state/spool', kept().at(-1)!), Buffer.concat([readFileSync(join(agent.home, 'state/spool', kept().at(-1)!)), Buffer.from([0, 0, 1, 0, 7])]));
    agent.start();
    await gateway.start();
    await until('all of it has come', () => kept().length === 0 && gateway.reports.length > away + 3);
    const times = gateway.reports.slice(away).map(({ timestamp }) => timestamp);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times[0]).toBeLessThan(times.at(-1)!);
    expect(agent.log).toMatch(/sent what was kept reports=\d+ dropped=0/);
  });

  it('says at once when something is no longer available', async () => {
    gateway.checks = [running('node', 'node')];
    gateway.configVersion = 'v1';
    await enrolled();
    await gateway.start();
    agent.start();
    await until('it reports', () => reported('node').at(-1)?.available);
    gateway.checks = [running('node', 'no such process')];
    gateway.configVersion = 'v2';
    await until('it is reported as gone', () => reported('node').at(-1)?.available === false);
  });

  it('says once why its results are not taken, goes on reporting, and pushes them when they are', async () => {
    gateway.checks = [{ ...running('node', 'node'), publish_results: true }, running('unpublished', 'node')];
    gateway.configVersion = 'v1';
    gateway.resultRefusal = { code: status.UNAVAILABLE, details: 'There is no stream for results yet.' };
    await enrolled();
    await gateway.start();
    agent.start();
    await saying('There is no stream for results yet.');
    const known = gateway.reports.length;
    await until('it has reported since', () => gateway.reports.length >= known + 3);
    expect(agent.log.split('There is no stream for results yet.')).toHaveLength(2);
    expect(agent.log).toContain('cannot do what it is asked right now: There is no stream');
    expect(gateway.results).toEqual([]);
    gateway.resultRefusal = undefined;
    await until('all that was kept has come', () => gateway.results.length > 2 && kept('results').length === 0);
    const lines = gateway.results.flatMap(({ payload }) => payload.toString().trim().split('\n').map((line) => JSON.parse(line) as { time: string; name: string }));
    expect(new Set(lines.map(({ name }) => name))).toEqual(new Set(['node']));
    expect(lines.map(({ time }) => time).sort()).toEqual([...new Set(lines.map(({ time }) => time))]);
    expect(new Set(gateway.results.map(({ result_id: id }) => id)).size).toBe(gateway.results.length);
  });

  it('sends a last report when it is ended, and ends with 0', async () => {
    await enrolled();
    await gateway.start();
    agent.start();
    await until('it reports', () => gateway.reports.length > 0);
    const before = gateway.reports.length;
    expect(await agent.stop()).toBe(0);
    expect(gateway.reports.length).toBeGreaterThan(before);
  });

  it('keeps its last report, and ends, when the gateway has stopped answering', async () => {
    await enrolled();
    await gateway.start();
    agent.start();
    await until('it reports', () => gateway.reports.length > 0);
    gateway.hangs = true;
    expect(await agent.stop()).toBe(0);
    expect(kept().length).toBeGreaterThan(0);
  });

  it('keeps a result that is on its way when it is ended, and does not wait for it', async () => {
    gateway.checks = [{ ...running('node', 'node'), publish_results: true }];
    gateway.configVersion = 'v1';
    gateway.hangsOnResults = true;
    await enrolled();
    await gateway.start();
    agent.start();
    await until('a result is on its way', () => gateway.resultsOnTheirWay > 0);
    expect(await agent.stop()).toBe(0);
    expect(kept('results')).not.toEqual([]);
    // Nothing was given up for taking too long.
    expect(agent.log).not.toMatch(/does not answer/);
  });

  it('keeps its last report when the gateway is away by then', async () => {
    await enrolled();
    agent.start();
    await saying('does not answer');
    expect(await agent.stop()).toBe(0);
    expect(kept().length).toBeGreaterThan(0);
  });
});

describe('an agent that cannot get through', () => {
  const started = async () => {
    await enrolled();
    agent.start();
  };

  it('says who refuses it, and why, once; and keeps trying', async () => {
    gateway.refusal = { code: status.UNAUTHENTICATED, details: 'The certificate was revoked.' };
    await gateway.start();
    await started();
    await saying('The gateway refuses this agent: The certificate was revoked.');
    await until('it has tried again', () => gateway.asked > 2);
    expect(agent.log.match(/was revoked/g)).toHaveLength(1);
    gateway.refusal = undefined;
    await saying('connected');
  });

  it('takes nobody else for its gateway', async () => {
    await gateway.start(new TestAuthority('acme'));
    await started();
    await saying('shows a certificate of another CA');
    gateway.stop();
    await gateway.start(undefined, ['another.serviceradar']);
    await saying('has a certificate for another name than agent-gateway.serviceradar');
    expect(gateway.hellos).toEqual([]);
  });

  it('says that its clock is behind, or the certificate ended, by the certificate that the gateway shows', async () => {
    const then = (days: number) => ({ now: () => new Date(Date.now() + days * DAY) });
    const old = new StandInGateway(gateway.port, then(-800));
    await old.start();
    writeFileSync(join(directory, 'old.tar.gz'), await old.package());
    await agent.enrol(join(directory, 'old.tar.gz'));
    agent.start();
    await saying(/clock_skew: this machine's clock says .* was good until .*: the clock is ahead/);
    old.stop();
    const coming = new StandInGateway(gateway.port, then(365));
    await coming.start();
    writeFileSync(join(directory, 'coming.tar.gz'), await coming.package());
    await agent.kill();
    await agent.enrol(join(directory, 'coming.tar.gz'));
    agent.start();
    await saying(/clock_skew: this machine's clock says .* is good from .* on: the clock is behind/);
    coming.stop();
  });

  it('tells times by the gateway’s clock, and how far off its own is', async () => {
    gateway.ahead = 3_600;
    await gateway.start();
    await started();
    await until('it reports', () => lastOf('serviceradar-agent')?.clock_behind_seconds);
    expect(agent.log).toMatch(/clock_skew: .* seconds=3(599|600|601)/);
    const ahead = gateway.reports.at(-1)!.timestamp - Date.now() / 1000;
    expect(Math.abs(ahead - 3_600)).toBeLessThan(60);
  });
});

describe('an agent whose certificate is more than half through its life', () => {
  const old = { now: () => new Date(Date.now() - 250 * DAY) };
  beforeEach(async () => {
    gateway = new StandInGateway(gateway.port, old);
    // The CAs are old, the gateway is not.
    await enrolled();
    await gateway.start();
  });
  const identity = () => join(agent.home, 'state/identity.json');

  it('gets another with a new key, and goes on with that, also when it is started again', async () => {
    agent.start();
    await saying('has a new certificate');
    await until('it is shown', () => gateway.serials.length === 2);
    expect(statSync(identity()).mode & 0o777).toBe(0o600);
    const [{ keyPem }] = JSON.parse(readFileSync(identity(), 'utf8')) as [{ keyPem: string }];
    expect(readFileSync(join(agent.home, 'certs/component-key.pem'), 'utf8')).not.toBe(keyPem);
    await agent.kill();
    const hellos = gateway.hellos.length;
    agent.start();
    await until('it is back', () => gateway.hellos.length > hellos);
    expect([gateway.serials.length, gateway.renewals]).toEqual([2, 1]);
  });

  it('stays with the one that it has when the gateway does not take the new one', async () => {
    gateway.takesRenewed = false;
    agent.start();
    await saying('the certificate could not be renewed');
    const reports = gateway.reports.length;
    await until('it goes on', () => gateway.reports.length > reports + 2);
    await agent.kill();
    const hellos = gateway.hellos.length;
    agent.start();
    await until('it is back', () => gateway.hellos.length > hellos);
  });

  it('goes back to the one before when the gateway does not take the new one after a restart', async () => {
    agent.start();
    await saying('has a new certificate');
    await agent.kill();
    gateway.takesRenewed = false;
    const hellos = gateway.hellos.length;
    agent.start();
    await until('it is back', () => gateway.hellos.length > hellos);
    expect(agent.log).toContain('The gateway refuses this agent: This certificate is not on record.');
  });

  it('starts with that of its package when the new one cannot be read', async () => {
    mkdirSync(join(agent.home, 'state'));
    writeFileSync(identity(), '{"certificatePem": "');
    agent.start();
    await saying('connected');
  });
});

describe('what an agent finds out when it is asked', () => {
  const check = (target: string) => ({ check_id: target, check_type: 'icmp', name: `ping ${target}`, enabled: true, interval_sec: 10, timeout_sec: 2, target, port: 0, path: '', method: '', settings: {}, publish_results: false });
  const found = async (targets: string[], surroundings: NodeJS.ProcessEnv) => {
    await enrolled();
    mkdirSync(join(agent.home, 'state'), { recursive: true });
    writeFileSync(join(agent.home, 'state/configuration.json'), JSON.stringify({ version: 'v1', heartbeatInterval: 30, pollInterval: 30, checks: targets.map(check) }));
    return agent.command(['check', '--config', agent.home], surroundings);
  };
  /** The system's, or that of busybox, which the tests have. */
  const withPing = () => {
    const bin = join(directory, 'bin');
    mkdirSync(bin);
    const PATH = `${resolve('.cache/bin')}:${env.PATH}`;
    symlinkSync(resolve(execFileSync('sh', ['-c', 'command -v busybox'], { env: { PATH }, encoding: 'utf8' }).trim()), join(bin, 'ping'));
    return { PATH: `${bin}:${PATH}` };
  };

  it('is printed, a line for each check', async () => {
    const { code, output } = await found(['127.0.0.1'], withPing());
    expect([code, output]).toEqual([0, expect.stringMatching(/^service +type +is +took +found\nping 127.0.0.1 +icmp +available +\d+ ms +round_trip_ms=[\d.]+\n$/)]);
  });

  it('is that no host has a name which is meant for a shell, or looks like an option', async () => {
    const names = ['-f', '$(touch x)', "'; rm -rf /", '`id`', 'a"b'];
    const { code, output } = await found(names, withPing());
    const lines = output.trim().split('\n').slice(1);
    expect([code, lines.length]).toEqual([1, names.length]);
    names.forEach((name, n) => expect(lines[n]).toMatch(new RegExp(`NOT AVAILABLE.*bad address '${name.replace(/[$()*`/]/g, '\\$&')}'`)));
  });

  it('is that the machine has no ping, where it has none', async () => {
    expect(await found(['127.0.0.1'], { PATH: directory })).toMatchObject({ code: 1, output: expect.stringContaining('This machine has no ping: install iputils-ping.') });
  });
});
