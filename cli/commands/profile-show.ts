import { writeAtomically } from '../../shared/model/write-atomically.ts';
import { type LayerView, layerChart, layerView } from './layer-view.ts';
import { printJson, printLine, printTable } from './print.ts';
import { openProfile, type ProfileChoice } from './profile-source.ts';

export interface ShowOptions extends ProfileChoice {
  readonly exit?: string;
  readonly svg?: string;
  readonly json?: boolean;
}

/** `edgent profile show`. */
export async function showCommand(
  file: string | undefined,
  { exit, svg, json, ...choice }: ShowOptions,
): Promise<void> {
  const view = layerView(await openProfile(file, choice), exit);
  if (svg !== undefined) await writeAtomically(svg, layerChart(view));
  if (json === true) printJson(view);
  else printView(view);
}

function printView(view: LayerView): void {
  const { tier, hardwareClass, threads, runtime, measuredAt, modelDigest, gapMs, layers } = view;
  printLine(`${tier} ${hardwareClass}, ${threads} inference thread(s), ${runtime}, measured ${measuredAt}`);
  printLine(`model ${modelDigest}, ${runsOf(view)} with pauses of ${gapMs} ms`);
  printLine(
    `${view.exit}: ${layers.length} layers take ${ms(view.oneByOneMs)} ms one by one, ${ms(view.asOnePieceMs)} ms as one ` +
      `piece; a call costs ${ms(view.perCallOverheadMs)} ms, loading ${view.modelLoadMs.toFixed(1)} ms`,
  );
  printTable(
    ['layer', 'name', 'type', 'median ms', 'p90 ms', 'runs', 'output KB'],
    layers.map(({ name, type, medianMs, p90Ms, runs: made, outputBytes }, index) => [
      `${index + 1}`,
      name,
      type,
      ms(medianMs),
      ms(p90Ms),
      `${made}`,
      (outputBytes / 1000).toFixed(2),
    ]),
    [0, 3, 4, 5, 6],
  );
}

function runsOf({ runs, madeRuns: { least, median } }: LayerView): string {
  if (least >= runs) return `${runs} runs of each segment`;
  return `at least ${least} runs of each segment (median ${median}) of the ${runs} that were wanted`;
}

function ms(value: number): string {
  return value.toFixed(3);
}
