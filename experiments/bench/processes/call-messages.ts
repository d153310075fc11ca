import { Type } from 'typebox';
import { createParser } from '../../../shared/runtime/schema.ts';

/**
 * What a benchmark and the processes that it starts say to each other, over the channel between parent and child. Calls
 * are answered in any order.
 *
 *   call   = { id, name, argument }          parent to child
 *   answer = { id, value } / { id, failed }  child to parent; failed: why, for people
 */
const Id = Type.Integer({ minimum: 1 });

export const callParser = createParser(
  Type.Object({ id: Id, name: Type.String(), argument: Type.Optional(Type.Unknown()) }),
  'message-invalid',
  'call',
);

export const answerParser = createParser(
  Type.Union([
    Type.Object({ id: Id, failed: Type.String() }),
    Type.Object({ id: Id, value: Type.Optional(Type.Unknown()) }),
  ]),
  'message-invalid',
  'answer',
);
