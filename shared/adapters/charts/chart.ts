/** One axis with numbers. */
export interface ValueAxis {
  /** What it shows, with the unit: `runtime in ms`. */
  readonly label: string;
  readonly min?: number;
  readonly max?: number;
  /** Default: linear. */
  readonly scale?: 'linear' | 'log';
}

/** What every chart has. */
export interface ChartFrame {
  readonly title: string;
  /** Under the title: where the numbers come from, what is emulated. */
  readonly subtitle?: string;
  /** Default: 900 × 480. */
  readonly widthPx?: number;
  readonly heightPx?: number;
}

/** Numbers over numbers. */
export interface PointSeries {
  readonly name: string;
  /** In the order of x. */
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly dashed?: boolean;
  /** A mark on every point, for few points. */
  readonly marked?: boolean;
}

export interface LineChart extends ChartFrame {
  readonly x: ValueAxis;
  readonly y: ValueAxis;
  readonly series: readonly PointSeries[];
}

/** A value that holds until the next one: plans or states over time. */
export interface StepChart extends LineChart {
  /** Names for the values 0, 1, 2 … of y, from below. */
  readonly steps?: readonly string[];
}

export interface CdfChart extends ChartFrame {
  readonly x: ValueAxis;
  /** Values in any order. */
  readonly series: readonly { readonly name: string; readonly values: readonly number[]; readonly dashed?: boolean }[];
}

/** One bar a category. */
export interface BarSeries {
  readonly name: string;
  /** In the order of the categories; null: no bar. */
  readonly values: readonly (number | null)[];
}

export interface BarChart extends ChartFrame {
  readonly categories: readonly string[];
  /** What the categories are. */
  readonly categoryLabel?: string;
  readonly y: ValueAxis;
  readonly series: readonly BarSeries[];
}

/** Bars of two units side by side. */
export interface GroupedBarChart extends BarChart {
  /** Series by the right-hand axis. */
  readonly right?: { readonly y: ValueAxis; readonly series: readonly BarSeries[] };
}
