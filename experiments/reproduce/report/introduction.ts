import { codeInWords } from '../code-version.ts';
import type { DataFile } from '../data-file.ts';
import { settings } from '../settings.ts';
import type { Block } from './document.ts';
import { placesParagraph } from './places-paragraph.ts';
import { policyParagraph } from './policy-paragraph.ts';

/**
 * @param files what the report tells of
 * @param rendering the code that makes the report, as `readCode` gives it; undefined: not recorded
 */
export function introduction(files: readonly DataFile[], rendering: string | null | undefined): Block[] {
  return [
    {
      kind: 'paragraph',
      text:
        'E. Li, L. Zeng, Z. Zhou, X. Chen, “Edge AI: On-Demand Accelerating DNN Inference via Edge Computing”, IEEE ' +
        'Transactions on Wireless Communications 19(1), 2020, run again with real inference over really shaped links. ' +
        'Every number below comes from the JSON files beside this one, which `npm run reproduce` measured.',
    },
    {
      kind: 'paragraph',
      text:
        'Both sides run on the machine named below. A slower processor is emulated by stretching every run to so many ' +
        `times its own time, in three settings: ${settings.map(({ name, about }) => `“${name}”: ${about}`).join('. ')}.`,
    },
    ...placesParagraph(files),
    policyParagraph(),
    { kind: 'paragraph', text: codeParagraph(files, rendering) },
    {
      kind: 'table',
      head: ['data', 'scale', 'measured', 'code', 'machine', 'cores', 'memory, GiB', 'Node'],
      numeric: [5, 6],
      rows: files.map(({ machine, ...file }) => [
        `${file.experiment}.json`,
        file.scale,
        file.measuredAt,
        measuringCode(file),
        machine.hardwareClass,
        String(machine.cores),
        String(machine.memoryGiB),
        machine.node,
      ]),
    },
  ];
}

/** @returns the code that ran an experiment, and how many points it took over from which other */
function measuringCode({ code, takenOver = [] }: Pick<DataFile, 'code' | 'takenOver'>): string {
  const others = takenOver.map((other) => `${other.points} points: ${codeInWords(other.code)}`);
  return [codeInWords(code), ...others].join('; ');
}

function codeParagraph(files: readonly DataFile[], rendering: string | null | undefined): string {
  const isKnown = rendering != null;
  const named = isKnown
    ? `the code at commit ${codeInWords(rendering)}`
    : `code of no known commit (${codeInWords(rendering)})`;
  const others = files.filter(
    ({ code, takenOver = [] }) => !isKnown || code !== rendering || takenOver.some((other) => other.code !== rendering),
  );
  if (others.length === 0) return `Measured and rendered by ${named}.`;
  return (
    `Text, tables and pictures were rendered by ${named}. Another than that, or none that was recorded, measured ` +
    `${others.map(({ experiment }) => `${experiment}.json`).join(', ')} (column “code”): what the text says of how things ` +
    'are measured and what the product does is of the code that rendered, and may not have been so when these data were made.'
  );
}
