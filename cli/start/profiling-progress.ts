import { Type } from 'typebox';
import { FleetError } from '../../shared/runtime/errors.ts';
import { createParser } from '../../shared/runtime/schema.ts';
import type { ProgressLine } from '../commands/progress-line.ts';
import { askFor } from '../platform/admin-client.ts';
import type { Platform } from '../platform/platform.ts';

const ProgressSchema = Type.Object({ done: Type.Integer(), total: Type.Integer() });
const membersParser = createParser(
  Type.Object({
    items: Type.Array(
      Type.Object({
        id: Type.String(),
        reported: Type.Union([Type.Null(), Type.Object({ progress: Type.Optional(ProgressSchema) })]),
      }),
    ),
  }),
  'http-answer-unexpected',
  'members',
);
const pollMs = 1000;

/** Shows who is measuring a profile, and how far that is, until the result is called. */
export function watchProfiling(
  { httpUrl, adminToken }: Pick<Platform, 'httpUrl' | 'adminToken'>,
  line: ProgressLine,
): () => void {
  const init = { headers: { authorization: `Bearer ${adminToken}` } };
  let isAsking = false;
  let isStopped = false;

  async function look(): Promise<void> {
    if (isAsking) return;
    isAsking = true;
    try {
      const measuring = await Promise.all(
        ['workers', 'devices'].map((role) => askFor(`${httpUrl}/api/v1/${role}?limit=500`, init, membersParser)),
      );
      const texts = measuring.flatMap(({ items }) =>
        items.flatMap(({ id, reported }) => textOf(id, reported?.progress)),
      );
      if (texts.length > 0 && !isStopped) line.show(`measuring layers: ${texts.join(', ')}`);
    } catch (error) {
      // It only says how far something is: whoever waits for that hears of a control plane that is away.
      if (!(error instanceof FleetError)) throw error;
    } finally {
      isAsking = false;
    }
  }

  const timer = setInterval(() => void look(), pollMs);
  return () => {
    isStopped = true;
    clearInterval(timer);
    line.end();
  };
}

function textOf(id: string, progress: { done: number; total: number } | undefined): string[] {
  if (progress === undefined) return [];
  return [`${id} ${Math.round((100 * progress.done) / Math.max(1, progress.total))} %`];
}
