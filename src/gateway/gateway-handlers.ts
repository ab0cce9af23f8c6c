import { hostname } from 'node:os';
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { Injectable } from '@nestjs/common';
import type {
  AgentConfigAnswer,
  AgentConfigRequest,
  AgentHello,
  AgentHelloAnswer,
  AgentReceipt,
  AgentResult,
  AgentResultChunk,
  AgentStatusChunk,
  AgentStatuses as Statuses,
  CertificateRenewal,
  CertificateRenewalAnswer,
} from '#libs/contracts';
import { AgentRenewals, AgentResults, AgentsService, AgentStatuses } from '../agents/index.js';
import { AgentConfigs } from '../checks/index.js';
import { GatewayCalls } from './gateway-calls.js';
import { ResultReader } from './result-reader.js';
import { StatusIntake } from './status-intake.js';

/** Tells agents and people which gateway it is. */
const GATEWAY_ID = hostname();

/** What each call of the wire does. */
@Injectable()
export class GatewayHandlers {
  private readonly intake: StatusIntake;

  constructor(
    private readonly calls: GatewayCalls,
    private readonly agents: AgentsService,
    private readonly configs: AgentConfigs,
    private readonly renewals: AgentRenewals,
    statuses: AgentStatuses,
    private readonly results: AgentResults,
  ) {
    this.intake = new StatusIntake(statuses, GATEWAY_ID);
  }

  /** By the names of the file. */
  all(): UntypedServiceImplementation {
    const { calls, agents, configs, renewals, intake, results } = this;
    return {
      Hello: calls.unary<AgentHello, AgentHelloAnswer>('Hello', (peer, hello) => agents.hello(peer, hello, GATEWAY_ID)),
      GetConfig: calls.unary<AgentConfigRequest, AgentConfigAnswer>('GetConfig', (peer, asked) => configs.answer(peer, asked)),
      PushStatus: calls.unary<Statuses, AgentReceipt>('PushStatus', (peer, message) => intake.push(peer, message)),
      StreamStatus: calls.clientStream<AgentStatusChunk, AgentReceipt>('StreamStatus', (peer) => intake.reader(peer)),
      PushResults: calls.unary<AgentResult, AgentReceipt>('PushResults', async (peer, result) => {
        await results.publish(peer, result);
        return { received: true };
      }),
      StreamResults: calls.clientStream<AgentResultChunk, AgentReceipt>('StreamResults', (peer) => new ResultReader(results, peer)),
      RenewCertificate: calls.unary<CertificateRenewal, CertificateRenewalAnswer>('RenewCertificate', (peer, asked) => renewals.renew(peer, asked)),
    };
  }
}
