import { fcnnlsVector } from 'ml-fcnnls';
import { Matrix } from 'ml-matrix';
import { median, percentile } from '../runtime/statistics.ts';
import type { Variables } from './layer-variables.ts';

/** How well a regression gives back what it was fitted to. */
export interface FitQuality {
  observations: number;
  /** Fewer observations than variables: of the many that fit equally, the smallest coefficients were taken. */
  underdetermined: boolean;
  /** Of |predicted / measured − 1|. */
  medianError: number;
  p90Error: number;
}

/** One row of a regression. */
export interface FitRow {
  variables: Variables;
  /** Above 0. */
  ms: number;
}

/**
 * Weighs nothing beside the data, and makes the solution unique where two variables always move together or rows are
 * fewer than variables.
 */
const ridge = 1e-6;

/**
 * Least squares of the relative errors, Σ (predicted / measured − 1)², over coefficients of at least zero: a layer that
 * takes a hundredth of another's time counts as much.
 * @returns ms a unit of each variable that any row has; nothing where there are no rows
 */
export function fitNonNegative(rows: readonly FitRow[]): Record<string, number> {
  if (rows.length === 0) return {};
  const names = [...new Set(rows.flatMap(({ variables }) => Object.keys(variables)))];
  const count = names.length;
  const weighted = new Matrix(rows.map(({ variables, ms }) => names.map((name) => (variables[name] ?? 0) / ms)));
  // Columns of one length: the solver squares its input, and variables differ by seven orders of magnitude.
  const scales = names.map((_, column) => weighted.getColumnVector(column).norm() || 1);
  const scaled = weighted.divRowVector(scales).to2DArray();
  const damping = Matrix.eye(count, count, Math.sqrt(ridge)).to2DArray();
  const targets = [...rows.map(() => 1), ...names.map(() => 0)];
  const maxIterations = 100 * count;
  const solution = fcnnlsVector([...scaled, ...damping], targets, { maxIterations }).K.to1DArray();
  return Object.fromEntries(names.map((name, index) => [name, (solution[index] ?? 0) / (scales[index] ?? 1)]));
}

/** @returns Σ coefficient × variable; a variable without a coefficient adds nothing */
export function weightedSum(coefficients: Variables, variables: Variables): number {
  return Object.entries(variables).reduce((sum, [name, value]) => sum + (coefficients[name] ?? 0) * value, 0);
}

/** @param variableCount how many coefficients were fitted to these rows */
export function qualityOf(rows: readonly FitRow[], coefficients: Variables, variableCount: number): FitQuality {
  const errors = rows.map(({ variables, ms }) => Math.abs(weightedSum(coefficients, variables) / ms - 1));
  return {
    observations: rows.length,
    underdetermined: rows.length < variableCount,
    medianError: median(errors),
    p90Error: percentile(errors, 0.9),
  };
}
