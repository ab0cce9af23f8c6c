import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import type { AgentProcess } from '../../../lab/agent-process.js';
import { Proxy } from '../../../lab/proxy.js';
import { until } from '../../../lab/until.js';
import { TestAuthority } from '../../../libs/pki/test-authority.js';
import { Rig } from './rig.js';
import { StandInGateway } from './stand-in-gateway.js';

const DAY = 24 * 60 * 60 * 1000;

let rig: Rig;
let directory: string;
let gateway: StandInGateway;
let agent: AgentProcess;
beforeEach(async () => {
  rig = await Rig.create();
  ({ directory, gateway, agent } = rig);
});
afterEach(() => rig.end());

const enrolled = () => rig.enrolled();
const saying = (text: string | RegExp) => rig.saying(text);
const lastOf = (name: string) => rig.lastOf(name);

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

  it('says so as soon as the gateway shows its certificate, when it does not at first', async () => {
    gateway = rig.replaceGateway({ now: () => new Date(Date.now() - 800 * DAY) });
    await gateway.start();
    await enrolled();
    const proxy = await Proxy.start(gateway.port);
    // It is let through with its call, and not with its look at what is shown; then with both, and with two calls more.
    proxy.cutNext(Infinity, 0, Infinity, Infinity, Infinity, Infinity);
    const file = join(agent.home, 'gateway.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace(String(gateway.port), String(proxy.port)));
    agent.start();
    await saying('is not valid at the time that');
    await saying('clock_skew: ');
    await until('it has tried again', () => proxy.cutsLeft === 0);
    expect(['is not valid at the time that', 'clock_skew: '].map((text) => agent.log.split(text).length)).toEqual([2, 2]);
    await agent.kill();
    await proxy.stop();
  });

  it('tells times by the gateway’s clock, and how far off its own is', async () => {
    gateway.ahead = 3_600;
    await gateway.start();
    await started();
    await until('it reports', () => lastOf('serviceradar-agent')?.clock_behind_seconds);
    // Whole seconds, and it may have said them at any moment of the call.
    expect(agent.log).toMatch(/clock_skew: .* seconds=3(59|60)\d/);
    const ahead = gateway.reports.at(-1)!.timestamp - Date.now() / 1000;
    expect(Math.abs(ahead - 3_600)).toBeLessThan(60);
  });
});

describe('an agent whose certificate is more than half through its life', () => {
  const old = { now: () => new Date(Date.now() - 250 * DAY) };
  beforeEach(async () => {
    gateway = rig.replaceGateway(old);
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
