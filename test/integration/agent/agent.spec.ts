import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { env } from 'node:process';
import { status } from '@grpc/grpc-js';
import type { AgentProcess } from '../../../lab/agent-process.js';
import { until } from '../../../lab/until.js';
import { Rig } from './rig.js';
import type { StandInGateway } from './stand-in-gateway.js';

let rig: Rig;
let directory: string;
let gateway: StandInGateway;
let agent: AgentProcess;
beforeEach(async () => {
  rig = await Rig.create();
  ({ directory, gateway, agent } = rig);
});
afterEach(() => rig.end());

const packaged = (agentId?: string) => rig.packaged(agentId);
const enrolled = () => rig.enrolled();
/** Checks that cost nothing, and are quick. */
const running = (name: string, target: string) => ({ check_id: name, check_type: 'process', name, enabled: true, interval_sec: 1, timeout_sec: 1, target });
const saying = (text: string | RegExp) => rig.saying(text);
const reported = (name: string) => rig.reported(name);
const lastOf = (name: string) => rig.lastOf(name);
const kept = (what?: string) => rig.kept(what);

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
    await saying(/sent what was kept reports=\d+ dropped=0/);
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
    // It waits 2 s for the gateway: one that is slower hears it when the agent is started again.
    expect(gateway.reports.length > before || kept().length > 0).toBe(true);
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

describe('what an agent finds out when it is asked', () => {
  const check = (target: string) => ({ check_id: target, check_type: 'icmp', name: `ping ${target}`, enabled: true, interval_sec: 10, timeout_sec: 60, target, port: 0, path: '', method: '', settings: {}, publish_results: false });
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
