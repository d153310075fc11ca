import type { Method } from '../methods/method.ts';
import { baselines } from '../methods/methods.ts';
import { outcomeAt, type Sweep } from '../sweep.ts';
import type { Claim } from './document.ts';
import { reasonFor } from './reason.ts';
import { emulationOf } from './wording.ts';

type Point = Sweep['points'][number];

/** What rises along a sweep, in words. */
export interface Along {
  statement: string;
  paper: string;
  /** Why it holds. */
  holds: string;
  /** Names a point, e.g. "0.5 Mbit/s". */
  at: (point: Point) => string;
}

/** Along a sweep the exit that a method selects never falls; where nothing is ever in time, that says nothing. */
export function depthClaim({ points, emulation }: Sweep, method: Method, along: Along): Claim {
  const exits = points.map((point) => outcomeAt(point, method)?.selection?.plan.exit ?? 0);
  const name = (exit = 0): string => (exit === 0 ? 'none' : String(exit));
  const falls = points.flatMap((point, index) => {
    const [exit = 0, before = 0] = [exits[index], exits[index - 1]];
    return exit >= before ? [] : [`${along.at(point)} (exit ${name(exit)} after ${name(before)})`];
  });
  const inTime = points.filter((point) => isInTime(point, method)).length;
  const verdict = falls.length > 0 ? 'holds not' : inTime === 0 ? 'nothing to compare' : 'holds';
  const late = points.length - inTime;
  return {
    statement: `${method.name}: ${along.statement}`,
    paper: along.paper,
    ours: `exits ${exits.map(name).join(', ')}${late === 0 ? '' : `; in time at ${inTime} of ${points.length}`}`,
    verdict,
    reason: reasonFor(verdict, falls, {
      holds: `${along.holds}${late === 0 ? '' : ' Where nothing is predicted to be in time the plan is the least late one.'}`,
      holdsNot:
        'What is in time at one point is in time at the next; a plan is given up for a shallower one only where its predicted ' +
        'time, or that of the least late one, does not follow.',
      otherwise:
        'Nothing is in time at any point: how deep the exit of a plan is that is late all the same says nothing.',
    }),
    emulation: emulationOf(emulation),
  };
}

/** Where one knob is enough, two are. */
export function inTimeClaim({ points, emulation }: Sweep, ours: Method): Claim {
  const due = points.filter((point) => baselines.some((method) => isInTime(point, method)));
  const failed = due
    .filter((point) => !isInTime(point, ours))
    .map((point) => {
      const ms = outcomeAt(point, ours)?.measured?.latencyMs.median;
      const taken = ms === undefined ? 'not measured' : `${Math.round(ms)} ms`;
      return `${point.mbps} Mbit/s (${taken}, the deadline is ${point.deadlineMs} ms)`;
    });
  const verdict = due.length === 0 ? 'nothing to compare' : failed.length === 0 ? 'holds' : 'holds not';
  return {
    statement: `${ours.name}: the deadline is met wherever one of the methods with one knob meets it`,
    paper: 'Edgent’s latency stays within the requirement',
    ours:
      due.length === 0
        ? `no method with one knob is in time at any of ${points.length} bandwidths`
        : `${due.length - failed.length} of ${due.length} bandwidths${failed.length === 0 ? '' : `, not at ${failed.join(', ')}`}`,
    verdict,
    reason: reasonFor(verdict, failed, {
      holds: 'Each method with one knob chooses among a part of Edgent’s plans.',
      holdsNot: 'The plan that was chosen took longer than predicted, and one with one knob did not.',
      otherwise: 'Every method with one knob is late at every bandwidth.',
    }),
    emulation: emulationOf(emulation),
  };
}

/** By the median of what was measured. */
function isInTime(point: Point, method: Method): boolean {
  const measured = outcomeAt(point, method)?.measured;
  return measured != null && measured.latencyMs.median <= point.deadlineMs;
}
