import { Injectable } from '@nestjs/common';
import { isId, Secret } from '#libs/kernel';
import type { Caller } from '../platform/auth/index.js';
import type { Em } from '../platform/database/index.js';
import { PublicUrl } from '../platform/public-url.js';
import { downloadCommand } from './download-command.js';
import { type DownloadTarget, DownloadTokensService, type Presented, type ShownToken, unusable } from './download-tokens.service.js';
import { EnrollmentKeys } from './enrollment-keys.js';

/** A one-time token that was issued, and is not signed yet. */
interface Issued {
  target: DownloadTarget;
  secret: Secret;
  expiresAt: Date;
}

/** What is fetched with it. */
interface Fetched {
  /** Of the API, below its base. */
  path: string;
  /** The bundle's top folder. */
  folder: string;
  /** The file that the collector reads. */
  configFile?: string;
}

/**
 * One-time tokens that are signed, so that a host can tell whose they are before it fetches anything. `issue` in a transaction; `sign` when
 * that is committed.
 */
@Injectable()
export class SignedTokens {
  constructor(
    private readonly tokens: DownloadTokensService,
    private readonly keys: EnrollmentKeys,
    private readonly publicUrl: PublicUrl,
  ) {}

  /** @param lifetime seconds; a day when absent */
  issue(em: Em, caller: Caller, target: DownloadTarget, lifetime?: number): Issued {
    const { token: secret, expiresAt } = this.tokens.issue(em, caller, target, lifetime);
    return { target, secret, expiresAt };
  }

  /** @returns the token, and the line to paste where it is to be used */
  async sign({ target, secret, expiresAt }: Issued, { path, folder, configFile }: Fetched) {
    const apiUrl = `${this.publicUrl.value}/api`;
    const token = await this.keys.seal({ apiUrl, packageId: target.objectId, secret: secret.reveal(), expiresAt, configFile });
    const command = downloadCommand({ url: `${apiUrl}/${path}`, token, fileName: `${folder}.tar.gz` });
    return { token, expiresAt, command };
  }

  /** @throws DomainError `not_found`, the same for a wrong, changed, used, expired and foreign one */
  async open(target: DownloadTarget, presented: Presented): Promise<ShownToken> {
    const { token } = presented;
    const ticket = token === undefined || !isId(target.objectId) ? undefined : await this.keys.open(token);
    if (ticket?.packageId !== target.objectId) throw unusable();
    return this.tokens.find(new Secret(ticket.secret), target, presented);
  }
}
