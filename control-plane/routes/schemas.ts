import { type Static, type TSchema, Type } from 'typebox';
import { ProblemSchema } from '../../shared/protocol/http.ts';
import { idPatternSource } from '../../shared/protocol/ids.ts';
import { FleetError } from '../../shared/runtime/errors.ts';

/** Problem responses, which every route can give. */
export const problems = { '4xx': ProblemSchema, '5xx': ProblemSchema } as const;

/** @returns a schema that takes null too */
export const nullable = <S extends Parameters<typeof Type.Union>[0][number]>(schema: S) =>
  Type.Union([Type.Null(), schema]);

export const IdParams = Type.Object({ id: Type.String({ pattern: idPatternSource }) });
export const DigestSchema = Type.String({ pattern: '^sha256:[0-9a-f]{64}$' });
export const DigestParams = Type.Object({ digest: DigestSchema });

export const PageQuery = Type.Object({
  cursor: Type.Optional(Type.String({ maxLength: 256, description: '`next` of the page before.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, description: '50 unless told.' })),
});
export type PageQuery = Static<typeof PageQuery>;

export function pageOf<S extends TSchema>(
  item: S,
): ReturnType<typeof Type.Object<{ items: ReturnType<typeof Type.Array<S>>; next: typeof Next }>> {
  return Type.Object({ items: Type.Array(item), next: Next });
}
const Next = Type.Union([Type.String(), Type.Null()], {
  description: 'Cursor of the next page; null: this is the last.',
});

export interface Page<T> {
  items: T[];
  next: string | null;
}

/**
 * Reads one page.
 * @param read gets the key that the cursor stands for, and how many items it is to give
 * @param keyOf the key of an item, by which the list is ordered
 * @throws {FleetError} `body-invalid` for a cursor that is none
 */
export function readPage<T>(
  { cursor, limit = 50 }: PageQuery,
  read: (page: { after: string | undefined; limit: number }) => T[],
  keyOf: (item: T) => string,
): Page<T> {
  const after = cursor === undefined ? undefined : decodeCursor(cursor);
  // One more than asked for says whether there is a next page.
  const found = read({ after, limit: limit + 1 });
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return { items, next: found.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null };
}

function encodeCursor(key: string): string {
  return Buffer.from(`v1:${key}`).toString('base64url');
}

function decodeCursor(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString();
  if (!text.startsWith('v1:')) throw new FleetError('body-invalid', 'querystring/cursor is none of a page');
  return text.slice(3);
}
