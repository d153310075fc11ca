/** A chart as data, to be drawn by whoever can. */
export type Picture =
  | {
      kind: 'lines';
      title: string;
      xLabel: string;
      yLabel: string;
      series: readonly { name: string; points: readonly (readonly [x: number, y: number])[] }[];
    }
  | {
      kind: 'bars';
      title: string;
      yLabel: string;
      categories: readonly string[];
      series: readonly { name: string; values: readonly number[] }[];
    };

/** @returns a picture as SVG, the same for the same picture */
export type DrawPicture = (picture: Picture) => string;
