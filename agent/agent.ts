import { hostname } from 'node:os';
import { join } from 'node:path';
import { type ServiceError, status } from '@grpc/grpc-js';
import type { AgentHello } from '../libs/contracts/index.js';
import { sentenceOf } from './agent-error.js';
import { CAPABILITIES } from './checks/checkers.js';
import { doOnce } from './checks/do-once.js';
import { Schedule } from './checks/schedule.js';
import { type Clock, GatewayClock, type Random } from './clock.js';
import { type Configuration, configurationOf, ConfigurationStore, onThisMachine } from './configuration/configuration.js';
import { backoff } from './gateway/backoff.js';
import { Connection } from './gateway/connection.js';
import type { Result, ServiceStatus, StatusRequest } from './gateway/wire.js';
import type { GatewayFile } from './identity/gateway-file.js';
import { IdentityStore, validityOf } from './identity/identity.js';
import { isDue, renew } from './identity/renewal.js';
import type { Log } from './log.js';
import { Pace } from './pace.js';
import { KEPT_REPORT, Reporter } from './reports/reporter.js';
import { KEPT_RESULT, Results } from './results/results.js';
import { Outbox } from './spool/outbox.js';
import { Spool } from './spool/spool.js';
import { VERSION } from './version.js';
import { wait } from './wait.js';

/** How long a last report may take when the agent ends, in milliseconds. */
const LAST_WORDS = 2_000;

/** Bytes of results that are kept and go out together: few, as the gateway takes so many messages a minute, and none of them in vain. */
const RESULTS_AT_ONCE = 16 * 1024;

/** How often it is looked whether the certificate is to be renewed, and how long to wait after a failure at most, in milliseconds. */
const RENEWAL_INTERVAL = 60_000;
const RENEWAL_PATIENCE = { first: 2 * 60_000, longest: 60 * 60_000 };

export interface AgentOptions {
  gateway: GatewayFile;
  clock: Clock;
  random: Random;
  /** Never the same twice. */
  newId: () => string;
  log: Log;
}

/** Looks after a site and tells its gateway. */
export class Agent {
  readonly #ending = new AbortController();
  readonly #time: GatewayClock;
  readonly #identities: IdentityStore;
  readonly #configurations: ConfigurationStore;
  readonly #connection: Connection;
  readonly #schedule: Schedule;
  readonly #spools: Record<'reports' | 'results', Spool>;
  readonly #outbox: Outbox<StatusRequest>;
  readonly #reporter: Reporter;
  readonly #resultOutbox: Outbox<Result>;
  readonly #results: Results;
  readonly #polling: Pace;
  readonly #renewal = { isUnderWay: false, failures: 0, notBefore: 0 };
  #configuration: Configuration;
  #isEnding = false;
  #running: Promise<unknown> = Promise.resolve();

  /** @throws AgentError when what it has enrolled with cannot be used */
  constructor(private readonly options: AgentOptions) {
    const { gateway, clock, random, newId, log } = options;
    this.#time = new GatewayClock(clock);
    this.#identities = new IdentityStore(gateway);
    this.#configurations = new ConfigurationStore(gateway.stateDirectory);
    this.#configuration = this.#configurations.load();
    const hello = () => this.hello();
    const onConnected = () => void this.connected();
    this.#connection = new Connection({ gateway, identities: this.#identities.load(), hello, onConnected, clock, gatewayClock: this.#time, random, log });
    const now = () => this.#time.now();
    const spool = (name: string, segmentBytes?: number) => new Spool({ directory: join(gateway.stateDirectory, name), now, segmentBytes });
    this.#spools = { reports: spool('spool'), results: spool('results', RESULTS_AT_ONCE) };
    const isConnected = () => this.#connection.isConnected;
    const limit = () => (this.#isEnding ? LAST_WORDS : undefined);
    const sendReports = (reports: readonly StatusRequest[]) => this.#connection.ask('reports', (client) => client.sendReports(reports, limit()));
    const sendResults = (results: readonly Result[]) => this.#connection.ask('results', (client) => client.sendResults(results, limit()));
    this.#outbox = new Outbox({ kept: KEPT_REPORT, spool: this.#spools.reports, isConnected, send: sendReports, log });
    this.#resultOutbox = new Outbox({ kept: KEPT_RESULT, spool: this.#spools.results, isConnected, send: sendResults, log });
    const interval = () => this.#configuration.heartbeatInterval;
    this.#reporter = new Reporter({ put: (report) => this.#outbox.put(report), self: () => this.self(), now, clock, interval });
    this.#results = new Results({ put: (result) => this.#resultOutbox.put(result), newId, now, clock, interval });
    this.#polling = new Pace(clock, () => this.#configuration.pollInterval * 1000);
    const perform: Schedule['options']['perform'] = (check, stop) => doOnce(check, clock, stop);
    const onStatus: Schedule['options']['onStatus'] = (one, check) => {
      this.#reporter.note(one);
      this.#results.note(check, one);
    };
    this.#schedule = new Schedule({ perform, onStatus, onGone: (name) => this.#reporter.forget(name), clock, random });
  }

  start(): void {
    const { signal } = this.#ending;
    this.apply(this.#configuration);
    this.#running = Promise.all([this.#connection, this.#reporter, this.#results].map((one) => one.run(signal)).concat(this.pollConfiguration(signal), this.lookAfterCertificate(signal)));
  }

  /** Says what there is to say, or keeps it, and ends within some seconds. */
  async stop(): Promise<void> {
    this.#isEnding = true;
    await this.#schedule.stop();
    const last = Promise.all([this.#reporter.report(), this.#results.push()]);
    await Promise.race([last, wait(LAST_WORDS)]);
    this.#ending.abort();
    await this.#running;
    // Without its connection, what is still being sent is kept.
    await Promise.race([last, wait(500)]);
    for (const spool of Object.values(this.#spools)) spool.close();
  }

  private hello(): Partial<AgentHello> {
    const { version: config_version } = this.#configuration;
    return { version: VERSION, hostname: hostname(), os: process.platform, arch: process.arch, capabilities: CAPABILITIES, config_version };
  }

  /** How the agent itself is. */
  private self(): ServiceStatus {
    const { offset } = this.#time;
    const details = {
      version: VERSION,
      config_version: this.#configuration.version,
      rss_bytes: process.memoryUsage.rss(),
      reports_kept_bytes: this.#spools.reports.bytes,
      reports_dropped: this.#spools.reports.dropped,
      results_kept_bytes: this.#spools.results.bytes,
      results_dropped: this.#spools.results.dropped,
      clock_behind_seconds: offset === undefined ? null : Math.round(offset / 1000),
      certificate_expires_at: new Date(validityOf(this.#connection.identity).to).toISOString(),
    };
    return { service_name: 'serviceradar-agent', service_type: 'agent', available: true, message: Buffer.from(JSON.stringify(details)), response_time: 0, source: '' };
  }

  private async connected(): Promise<void> {
    await this.refreshConfiguration();
    await this.#outbox.drain();
    this.#reporter.hurry();
    // A gateway that has no time for results, or a tenant that has no stream yet, holds up nothing else.
    void this.#resultOutbox.drain();
    await this.renewIfDue();
  }

  private pollConfiguration(signal: AbortSignal): Promise<void> {
    return this.#polling.each(signal, async () => {
      if (this.#connection.isConnected) await this.refreshConfiguration();
    });
  }

  private async refreshConfiguration(): Promise<void> {
    const { log } = this.options;
    try {
      const answer = await this.#connection.ask('configuration', (client) => client.getConfig(this.#configuration.version));
      this.apply(configurationOf(answer, this.#configuration));
      if (answer.not_modified) return;
      log.info('has a new configuration', { version: answer.config_version, checks: answer.checks.length });
      this.#configurations.keep(this.#configuration);
    } catch (error) {
      // A gateway from before there were configurations has none to give.
      if ((error as ServiceError).code !== status.UNIMPLEMENTED) log.warn('the configuration could not be asked for, or kept: what the agent has stays', { error: sentenceOf(error) });
    }
  }

  private apply(configuration: Configuration): void {
    this.#configuration = configuration;
    this.#reporter.retime();
    this.#results.retime();
    this.#polling.changed();
    this.#schedule.set(configuration.checks.map((check) => onThisMachine(check, this.options.gateway.leafDirectory)));
  }

  private async lookAfterCertificate(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await wait(RENEWAL_INTERVAL, signal);
      if (!signal.aborted) await this.renewIfDue();
    }
  }

  private async renewIfDue(): Promise<void> {
    const { random, clock, log } = this.options;
    const renewal = this.#renewal;
    if (renewal.isUnderWay || clock.elapsed() < renewal.notBefore || !this.#connection.isConnected || !isDue(validityOf(this.#connection.identity), this.#time.now())) return;
    renewal.isUnderWay = true;
    try {
      await this.renewCertificate();
      renewal.failures = 0;
    } catch (error) {
      renewal.failures += 1;
      renewal.notBefore = clock.elapsed() + backoff(renewal.failures, random, RENEWAL_PATIENCE);
      log.error('the certificate could not be renewed: the one before stays', { error: sentenceOf(error), until: new Date(validityOf(this.#connection.identity).to).toISOString() });
    } finally {
      renewal.isUnderWay = false;
    }
  }

  private async renewCertificate(): Promise<void> {
    const before = this.#connection.identity;
    const renewed = await renew(before, (csr) => this.#connection.ask('certificate', (client) => client.renewCertificate(csr)), this.#time);
    // On the disk before it is shown: the gateway takes the one before no longer once it has seen it.
    this.#identities.keep(renewed, before);
    try {
      await this.#connection.become(renewed);
    } catch (error) {
      if (this.#connection.isRefusal(error)) this.#identities.keep(before);
      throw error;
    }
    this.options.log.info('has a new certificate', { until: new Date(validityOf(renewed).to).toISOString() });
  }
}
