import { ApiProperty } from '@nestjs/swagger';

export class LivenessDto {
  @ApiProperty({ enum: ['live'], example: 'live' })
  status!: 'live';
}

export class ReadinessCheckDto {
  @ApiProperty({ example: 'database' })
  name!: string;

  @ApiProperty({ example: true })
  ok!: boolean;

  @ApiProperty({ example: 'works' })
  detail!: string;
}

export class ReadinessDto {
  @ApiProperty({ enum: ['ready', 'not_ready'], example: 'ready' })
  status!: 'ready' | 'not_ready';

  @ApiProperty({ type: [ReadinessCheckDto] })
  checks!: ReadinessCheckDto[];
}
