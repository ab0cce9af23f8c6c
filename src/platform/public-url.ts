import { Injectable } from '@nestjs/common';
import { DomainError } from '#libs/kernel';
import { Config } from './config/index.js';

/** What links and curl lines start with: as configured or, with PORT=0, as it turned out when the server listened. */
@Injectable()
export class PublicUrl {
  #value: string | undefined;

  constructor(config: Config) {
    this.#value = config.publicUrl;
  }

  /** Without a slash at its end. */
  get value(): string {
    if (this.#value === undefined) throw new DomainError('unavailable', 'The server does not listen yet.');
    return this.#value;
  }

  listening(url: string): void {
    this.#value ??= url;
  }
}
