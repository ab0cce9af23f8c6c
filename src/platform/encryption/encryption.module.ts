import { join } from 'node:path';
import { Global, Module } from '@nestjs/common';
import { systemRandom } from '#libs/kernel';
import { Config } from '../config/index.js';
import { keptKey } from './key-file.js';
import { type EncryptionKey, KeyRing } from './key-ring.js';

/** The keys that were configured or, outside production, one that is made at first start and kept in the data directory. */
export function encryptionKeys(config: Config): readonly EncryptionKey[] {
  return config.encryptionKeys ?? [{ id: 'local', key: keptKey(join(config.dataDir, 'encryption-key')) }];
}

@Global()
@Module({
  providers: [
    { provide: KeyRing, useFactory: (config: Config) => new KeyRing(encryptionKeys(config), systemRandom), inject: [Config] },
  ],
  exports: [KeyRing],
})
export class EncryptionModule {}
