import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Config } from '../config/index.js';
import { Tracing } from './tracing.js';

/** The packages that send spans are loaded only when somebody wants them. */
async function tracing(config: Config): Promise<Tracing> {
  if (config.tracing === undefined) return new Tracing();
  const { otlpSink } = await import('./otlp.js');
  return new Tracing(otlpSink(config, config.tracing));
}

/** Global, so that every part can tell what it is about. */
@Global()
@Module({ providers: [{ provide: Tracing, useFactory: tracing, inject: [Config] }], exports: [Tracing] })
export class TracingModule implements OnApplicationShutdown {
  constructor(private readonly tracing: Tracing) {}

  async onApplicationShutdown(): Promise<void> {
    await this.tracing.shutdown();
  }
}
