import { X509Certificate } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { loadPackageDefinition, type sendUnaryData, Server, ServerCredentials, type ServerReadableStream, type ServerUnaryCall, type ServiceClientConstructor, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { AGENT_GATEWAY_PROTO, type AgentHello } from '#libs/contracts';
import { edgePackageEntries, edgePackageFolder, packBundle } from '#libs/bundle';
import { type Clock, systemClock } from '#libs/kernel';
import { planAgent, planService, signCertificate } from '#libs/pki';
import { freePort } from '../../../lab/free-port.js';
import { issueTo, TestAuthority } from '../../../libs/pki/test-authority.js';
import type { CheckConfig, Result, StatusRequest } from '../../../agent/gateway/wire.js';

const SERVER_NAME = 'agent-gateway.serviceradar';
const AGENT_ID = 'agent-1';

type Unary<Request> = (call: ServerUnaryCall<Request, object>, answer: sendUnaryData<object>) => void;

/**
 * A gateway that is told what to answer, and remembers what it was told: on the published file, with certificates as the real one's. The real one
 * cannot be told to have another time, to refuse, or to send what an agent of this version does not know.
 */
export class StandInGateway {
  readonly hellos: AgentHello[] = [];
  readonly reports: StatusRequest[] = [];
  readonly results: Result[] = [];
  /** What agents have shown, each once: the serial numbers. */
  readonly serials: string[] = [];
  /** By how many seconds its clock is ahead of ours. */
  ahead = 0;
  /** How often it was asked something. */
  asked = 0;
  /** Why it refuses whatever it is asked. */
  refusal: { code: status; details: string } | undefined;
  /** Whether it takes results and says nothing, and how many it has taken so. */
  hangsOnResults = false;
  resultsOnTheirWay = 0;
  /** Why it takes no results. */
  resultRefusal: { code: status; details: string } | undefined;
  checks: Partial<CheckConfig>[] = [];
  configVersion = '';
  /** Whether it takes reports and says nothing. */
  hangs = false;
  /** Whether it takes agents with a certificate that it has renewed. */
  takesRenewed = true;
  renewals = 0;
  readonly #authority: TestAuthority;
  #server: Server | undefined;

  constructor(
    readonly port: number,
    /** When its CAs and the certificate of the agent were made. */
    issued: Clock = systemClock,
  ) {
    this.#authority = new TestAuthority('acme', issued);
  }

  static async create(): Promise<StandInGateway> {
    return new StandInGateway(await freePort());
  }

  get ca(): string {
    return this.#authority.tenant.certificatePem + this.#authority.root.certificatePem;
  }

  /** The onboarding package of an agent, as an archive. */
  package(agentId = AGENT_ID): Promise<Buffer> {
    const packageId = '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f';
    const intent = planAgent({ tenant: 'acme', site: 'hamburg', agentId, issuer: this.#authority.tenant }, this.#authority.context);
    const { certificatePem, key } = issueTo(intent, this.#authority.tenant);
    const entries = edgePackageEntries({
      packageId,
      label: 'a"b $(touch x) `id` %n 🏭',
      componentType: 'agent',
      componentId: agentId,
      gatewayAddress: `127.0.0.1:${this.port}`,
      serverName: SERVER_NAME,
      certificates: { certPem: certificatePem + this.ca, caChainPem: this.ca },
      secrets: { keyPem: key.privateKeyPem },
    });
    return buffer(packBundle(edgePackageFolder(packageId), entries, { mtime: systemClock.now() }));
  }

  /** @param served another authority's certificate than its own, as somebody in between shows */
  async start(served: TestAuthority = this.#authority, names = [SERVER_NAME]): Promise<void> {
    const server = new Server();
    const { proto } = loadPackageDefinition(loadSync(AGENT_GATEWAY_PROTO, { keepCase: true, longs: Number, defaults: true })) as unknown as { proto: { AgentGatewayService: ServiceClientConstructor } };
    server.addService(proto.AgentGatewayService.service, {
      Hello: this.answering<AgentHello>((hello) => {
        this.hellos.push(hello);
        return { accepted: true, agent_id: AGENT_ID, gateway_id: 'stand-in', server_time: Math.floor(Date.now() / 1000) + this.ahead, heartbeat_interval_sec: 1 };
      }),
      GetConfig: this.answering<{ config_version: string }>(({ config_version }) => {
        const intervals = { heartbeat_interval_sec: 1, config_poll_interval_sec: 1, config_version: this.configVersion };
        return config_version === this.configVersion ? { not_modified: true, ...intervals } : { ...intervals, checks: this.checks };
      }),
      PushStatus: this.answering<StatusRequest>((report) => {
        if (this.hangs) return undefined;
        this.reports.push(report);
        return { received: true };
      }),
      PushResults: this.takingResults((call: ServerUnaryCall<Result, object>, answer) => {
        this.results.push(call.request);
        answer(null, { received: true });
      }),
      StreamResults: this.takingResults((call: ServerReadableStream<Result, object>, answer) => {
        call.on('data', (result: Result) => this.results.push(result));
        call.on('end', () => answer(null, { received: true }));
      }),
      StreamStatus: (call: ServerReadableStream<StatusRequest, object>, answer: sendUnaryData<object>) => {
        if (this.refusal !== undefined) return answer(this.refusal);
        call.on('data', (report: StatusRequest) => this.reports.push(report));
        call.on('end', () => answer(null, { received: true }));
      },
      RenewCertificate: this.answering<{ csr: Buffer }>(({ csr }) => this.renew(csr)),
    });
    const { certificatePem, key } = issueTo(planService({ service: 'agent-gateway', hosts: names, issuer: served.services }, served.context), served.services);
    const pair = { cert_chain: Buffer.from(certificatePem + served.services.certificatePem), private_key: Buffer.from(key.privateKeyPem.reveal()) };
    const credentials = ServerCredentials.createSsl(Buffer.from(this.#authority.root.certificatePem), [pair], true);
    await (promisify(server.bindAsync.bind(server)) as (address: string, credentials: ServerCredentials) => Promise<number>)(`127.0.0.1:${this.port}`, credentials);
    this.#server = server;
  }

  /** As a process that is killed. */
  stop(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
  }

  /** @param handle gives nothing where nothing is to be answered */
  private answering<Request>(handle: (request: Request) => object | undefined): Unary<Request> {
    return (call, answer) => {
      this.asked += 1;
      const certificate = new X509Certificate(call.getAuthContext().sslPeerCertificate!.raw);
      if (!this.serials.includes(certificate.serialNumber)) this.serials.push(certificate.serialNumber);
      const isRenewed = certificate.serialNumber !== this.serials[0];
      if (this.refusal !== undefined) answer(this.refusal);
      else if (isRenewed && !this.takesRenewed) answer({ code: status.UNAUTHENTICATED, details: 'This certificate is not on record.' });
      else {
        const value = handle(call.request);
        if (value !== undefined) answer(null, value);
      }
    };
  }

  private takingResults<Call>(handle: (call: Call, answer: sendUnaryData<object>) => void): (call: Call, answer: sendUnaryData<object>) => void {
    return (call, answer) => {
      if (this.hangsOnResults) this.resultsOnTheirWay += 1;
      else if (this.resultRefusal !== undefined) answer(this.resultRefusal);
      else handle(call, answer);
    };
  }

  /** The public key is the part of a request that `openssl req -pubkey` would print; here it is found by its header, as it is a P-256 one. */
  private renew(csr: Buffer): object {
    this.renewals += 1;
    const at = csr.indexOf(Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex'));
    const intent = planAgent({ tenant: 'acme', site: 'hamburg', agentId: AGENT_ID, issuer: this.#authority.tenant }, { ...this.#authority.context, clock: systemClock });
    const { certificatePem, notAfter } = { ...signCertificate(intent, csr.subarray(at, at + 91), this.#authority.tenant), notAfter: 0 };
    return { certificate_pem: certificatePem + this.ca, ca_chain_pem: this.ca, not_after: notAfter };
  }
}
