import { FleetError } from '../runtime/errors.ts';

/** @throws {FleetError} `planning-input-invalid` */
export function requirePositive(name: string, value: number): void {
  if (!(value > 0 && value < Number.POSITIVE_INFINITY)) throw invalid(name, value, 'a finite number above 0');
}

/** @throws {FleetError} `planning-input-invalid` */
export function requireAtLeastZero(name: string, value: number): void {
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) throw invalid(name, value, 'a finite number of at least 0');
}

/** @throws {FleetError} `planning-input-invalid` */
export function requireAtLeastOne(name: string, value: number): void {
  if (!(value >= 1 && value < Number.POSITIVE_INFINITY)) throw invalid(name, value, 'a finite number of at least 1');
}

/** @throws {FleetError} `planning-input-invalid` */
export function requireShare(name: string, value: number): void {
  if (!(value >= 0 && value <= 1)) throw invalid(name, value, 'between 0 and 1');
}

function invalid(name: string, value: number, wanted: string): FleetError {
  return new FleetError('planning-input-invalid', `${name}: expected ${wanted}, got ${value}`);
}
