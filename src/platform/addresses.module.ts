import { Global, Module } from '@nestjs/common';
import { GatewayAddress } from './gateway-address.js';
import { PublicUrl } from './public-url.js';

/** Where this installation is reached. */
@Global()
@Module({ providers: [PublicUrl, GatewayAddress], exports: [PublicUrl, GatewayAddress] })
export class AddressesModule {}
