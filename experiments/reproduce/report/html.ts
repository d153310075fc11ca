import { type Block, blocksOf, type ReportDocument } from './document.ts';

const style = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { border: 1px solid #c8c8c8; padding: 0.25rem 0.6rem; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; height: auto; }
`;

/** @returns one page that needs nothing but the SVG files beside it */
export function toHtml(document: ReportDocument): string {
  const title = escaped(document.title);
  const parts = blocksOf(document).map(htmlOf);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<h1>${title}</h1>
${parts.join('\n')}
</body>
</html>
`;
}

function htmlOf(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `<h2>${escaped(block.text)}</h2>`;
    case 'paragraph':
      return `<p>${escaped(block.text)}</p>`;
    case 'table':
      return tableOf(block);
    case 'picture':
      return `<p><img src="${block.name}.svg" alt="${escaped(block.alt)}"></p>`;
  }
}

function tableOf({ head, numeric, rows }: Extract<Block, { kind: 'table' }>): string {
  const row = (cells: readonly string[], tag: 'th' | 'td'): string => {
    const html = cells.map((cell, column) => {
      const attribute = numeric.includes(column) ? ' class="number"' : '';
      return `<${tag}${attribute}>${escaped(cell)}</${tag}>`;
    });
    return `<tr>${html.join('')}</tr>`;
  };
  return `<table>\n<thead>${row(head, 'th')}</thead>\n<tbody>\n${rows.map((cells) => row(cells, 'td')).join('\n')}\n</tbody>\n</table>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
