import { readdir, readFile } from 'node:fs/promises';
import { Type } from 'typebox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createParser } from '../shared/runtime/schema.ts';
import { repositoryFile } from '../shared/testing/data-folder.ts';
import { lintExamples, lintFaults } from './testing/lint-faults.ts';
import { createPlantedCheckout, type GateRun, type PlantedCheckout } from './testing/planted-checkout.ts';

const pluginsSchema = Type.Object({
  plugins: Type.Array(Type.Object({ path: Type.String(), includes: Type.Array(Type.String()) })),
});

let checkout: PlantedCheckout;
let clean: GateRun;
let planted: GateRun;
beforeAll(async () => {
  checkout = await createPlantedCheckout();
  clean = await checkout.lint();
  for (const { path, text } of [...lintFaults, ...lintExamples]) await checkout.plant({ [path]: text });
  planted = await checkout.lint();
}, 120_000);
afterAll(() => checkout.close());

test('the checkout without a planted fault keeps every rule', () => {
  expect(clean.code, clean.output).toBe(0);
});

describe('the lint gate fails and names the rule:', () => {
  for (const { title, rule, path } of lintFaults) {
    test(`${title} (${rule})`, () => {
      expect(planted.code).not.toBe(0);
      const reports = planted.about(path).split('\n');
      const named = reports.filter((line) => line.startsWith('::error') && line.includes(nameOf(rule)));
      expect(named, planted.about(path)).toHaveLength(1);
    });
  }
});

describe('what a rule leaves open passes:', () => {
  for (const { title, path } of lintExamples) {
    test(title, () => {
      expect(planted.about(path)).toBe('');
    });
  }
});

test('each rule of the lint folder is switched on, and a planted fault proves it', async () => {
  const files = await readdir(repositoryFile('lint'));
  const { plugins } = createParser(pluginsSchema, 'config-invalid', 'biome.json').parseJson(
    await readFile(repositoryFile('biome.json'), 'utf8'),
  );
  const proven = new Set(lintFaults.map(({ rule }) => `${rule}.grit`));
  expect(plugins.map(({ path }) => path.replace('./lint/', '')).sort()).toEqual(files.sort());
  expect(files.filter((file) => !proven.has(file))).toEqual([]);
});

/** How a report names a rule: a built-in one by its title, one of ours at the head of its message. */
function nameOf(rule: string): string {
  return rule.startsWith('lint/') ? `title=${rule},` : `::${rule}: `;
}
