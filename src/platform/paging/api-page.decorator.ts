import type { Type } from '@nestjs/common';
import { ApiOkResponse, ApiProperty } from '@nestjs/swagger';

/** Documents that an operation answers with a page of these. */
export const ApiPage = (item: Type): MethodDecorator => ApiOkResponse({ type: pageDto(item) });

const pageDtos = new Map<Type, Type>();

/** OpenAPI has no generics: each item gets a page class of its own, named after it (`EdgeSiteDto` gives `EdgeSitePageDto`). */
function pageDto(item: Type): Type {
  const known = pageDtos.get(item);
  if (known !== undefined) return known;

  class PageDto {
    @ApiProperty({ type: [item] })
    data!: unknown[];

    @ApiProperty({
      type: String,
      nullable: true,
      description: 'Give it as `cursor` to get the next page; null on the last one.',
      example: 'WyIwMTkzNmIxZS03ZDVjLTdjM2EtOWYwZS0yYjhhNWQxYzRlNmYiXQ',
    })
    next_cursor!: string | null;
  }
  Object.defineProperty(PageDto, 'name', { value: item.name.replace(/Dto$/, '') + 'PageDto' });
  pageDtos.set(item, PageDto);
  return PageDto;
}
