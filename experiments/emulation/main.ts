import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Type } from 'typebox';
import { constantTrace, parseTraces, scaleTrace } from '../../shared/planner/bandwidth-trace.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { announceReady } from '../../shared/runtime/ready-line.ts';
import { createParser } from '../../shared/runtime/schema.ts';
import { createShapedLink, type ShapedLink } from './shaped-link.ts';

/** EDGENT_LINKS: the links that this process emulates, as JSON. */
const LinksSchema = Type.Array(
  Type.Object({
    name: Type.String(),
    targetPort: Type.Integer({ minimum: 1, maximum: 65_535 }),
    /** One rate for ever, Mbit/s, where there is no trace; 10 if absent too. */
    mbps: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    traceFile: Type.Optional(Type.String()),
    /** Which trace of a file that holds several; counts on from the first after the last. */
    traceIndex: Type.Optional(Type.Integer({ minimum: 0 })),
    traceScale: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    traceOffsetMs: Type.Optional(Type.Number({ minimum: 0 })),
    rttMs: Type.Optional(Type.Number({ minimum: 0 })),
  }),
);

const links = createParser(LinksSchema, 'config-invalid', 'EDGENT_LINKS').parseJson(process.env.EDGENT_LINKS ?? '');
const addresses: Record<string, string> = {};
const running: ShapedLink[] = [];
for (const link of links) {
  const traces =
    link.traceFile === undefined
      ? [constantTrace(link.mbps ?? 10)]
      : parseTraces(basename(link.traceFile), readFileSync(link.traceFile, 'utf8'));
  const trace = traces[(link.traceIndex ?? 0) % traces.length] ?? constantTrace(link.mbps ?? 10);
  const shaped = createShapedLink({
    trace: scaleTrace(trace, link.traceScale ?? 1),
    traceOffsetMs: link.traceOffsetMs ?? 0,
    rttMs: link.rttMs ?? 0,
    target: { host: '127.0.0.1', port: link.targetPort },
    clock: systemClock,
  });
  running.push(shaped);
  addresses[link.name] = `mqtt://127.0.0.1:${await shaped.listen()}`;
}
announceReady(addresses);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void Promise.all(running.map((link) => link.close())).then(() => process.exit(0)));
}
