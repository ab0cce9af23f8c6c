import { type DynamicModule, Global, Module } from '@nestjs/common';
import { DatabaseUrls } from './urls.js';

/** Provides the logins everywhere. They are known before the application is: the embedded PostgreSQL starts first. */
@Global()
@Module({})
export class DatabaseUrlsModule {
  static forRoot(urls: DatabaseUrls): DynamicModule {
    return { module: DatabaseUrlsModule, providers: [{ provide: DatabaseUrls, useValue: urls }], exports: [DatabaseUrls] };
  }
}
