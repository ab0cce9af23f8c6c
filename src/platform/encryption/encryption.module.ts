import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Global, Module } from '@nestjs/common';
import { Secret, systemRandom } from '#libs/kernel';
import { Config } from '../config/index.js';
import { type EncryptionKey, KeyRing } from './key-ring.js';

/** The keys that were configured or, outside production, one that is made at first start and kept in the data directory. */
export function encryptionKeys(config: Config): readonly EncryptionKey[] {
  if (config.encryptionKeys !== undefined) return config.encryptionKeys;
  const file = join(config.dataDir, 'encryption-key');
  if (!existsSync(file)) {
    mkdirSync(config.dataDir, { recursive: true });
    writeFileSync(file, randomBytes(32).toString('base64'), { mode: 0o600, flag: 'wx' });
  }
  return [{ id: 'local', key: new Secret(Buffer.from(readFileSync(file, 'utf8'), 'base64')) }];
}

@Global()
@Module({
  providers: [
    { provide: KeyRing, useFactory: (config: Config) => new KeyRing(encryptionKeys(config), systemRandom), inject: [Config] },
  ],
  exports: [KeyRing],
})
export class EncryptionModule {}
