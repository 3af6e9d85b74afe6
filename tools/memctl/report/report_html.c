// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A report as a page that needs nothing but a browser: no script, no other file. It is
 * XML as well. Pictures are SVG that is stretched to the width of the screen, and their
 * texts HTML that is not, so that they can be read on a phone.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/table.h"
#include "base/words.h"
#include "draw/axis.h"
#include "draw/markup.h"
#include "report/report.h"

#define WIDTH	1000	/* of a picture, in units of its own */
#define HEIGHT	100
#define Y_STEPS	4
#define X_STEPS	5

static const char style[] =
	":root{color-scheme:light dark;--page:#f6f8fa;--card:#fff;--ink:#1f2328;--dim:#59636e;"
	"--rule:#d1d9e0;--line0:#0969da;--line1:#bc4c00;--good:#1a7f37;--note:#0969da;"
	"--warn:#cf222e;--code:#eff2f5}\n"
	"@media (prefers-color-scheme:dark){:root{--page:#0d1117;--card:#161b22;--ink:#e6edf3;"
	"--dim:#9198a1;--rule:#30363d;--line0:#58a6ff;--line1:#f0883e;--good:#3fb950;"
	"--note:#58a6ff;--warn:#ff7b72;--code:#21262d}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0;background:var(--page);color:var(--ink);"
	"font:16px/1.5 system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}\n"
	"main{max-width:56rem;margin:0 auto;padding:1rem}\n"
	"h1{font-size:1.5rem;margin:.5rem 0 0;overflow-wrap:anywhere}\n"
	"h2{font-size:1.1rem;margin:0 0 .25rem}\n"
	"p{margin:0 0 .75rem;overflow-wrap:anywhere}\n"
	".dim{color:var(--dim);font-size:.875rem}\n"
	"section{background:var(--card);border:1px solid var(--rule);border-radius:.5rem;"
	"padding:1rem;margin:1rem 0}\n"
	"dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:.75rem 1rem;"
	"margin:0}\n"
	"dt{color:var(--dim);font-size:.8rem;line-height:1.3}\n"
	"dd{margin:0;font-size:1.1rem;font-weight:600;font-variant-numeric:tabular-nums}\n"
	"ul{list-style:none;margin:0;padding:0}\n"
	"li{border-left:.25rem solid var(--c);padding:0 0 0 .75rem;margin:.875rem 0 0;"
	"overflow-wrap:anywhere}\n"
	"li b{color:var(--c);font-size:.75rem;text-transform:uppercase;letter-spacing:.04em;"
	"display:block}\n"
	".good{--c:var(--good)}.note{--c:var(--note)}.warn{--c:var(--warn)}\n"
	"pre{background:var(--code);border-radius:.375rem;margin:.375rem 0 0;padding:.375rem .625rem;"
	"font:.8125rem/1.5 ui-monospace,'DejaVu Sans Mono',monospace;white-space:pre-wrap}\n"
	"figure{margin:0}\n"
	"figcaption{display:flex;flex-wrap:wrap;gap:0 1rem;font-size:.8125rem;margin-bottom:.5rem}\n"
	"figcaption i{display:inline-block;width:.75rem;height:.75rem;border-radius:.125rem;"
	"margin-right:.375rem}\n"
	".plot{display:grid;grid-template-columns:4.25rem minmax(0,1fr);font-size:.75rem;"
	"color:var(--dim);font-variant-numeric:tabular-nums;padding:.5rem .25rem 0 0}\n"
	".plot svg{width:100%;height:12rem;display:block;overflow:visible;"
	"border-bottom:1px solid var(--dim)}\n"
	".y,.x{position:relative}.y span,.x span{position:absolute;white-space:nowrap}\n"
	".y span{right:.5rem;transform:translateY(50%)}\n"
	".x{grid-column:2;height:1.25rem;margin-top:.25rem}.x span{transform:translateX(-50%)}\n"
	".x .first{transform:none}.x .last{transform:translateX(-100%)}\n"
	".unit{grid-column:2;text-align:center}\n"
	"path,polyline{vector-effect:non-scaling-stroke}\n"
	".grid{stroke:var(--rule);stroke-width:1;fill:none}\n"
	"polyline{fill:none;stroke-width:2;stroke-linejoin:round}\n"
	".l0{stroke:var(--line0)}.l1{stroke:var(--line1)}.area{fill:var(--line0);fill-opacity:.15}\n"
	"i.l0{background:var(--line0)}i.l1{background:var(--line1)}\n"
	".at{fill:transparent}.at:hover{fill:var(--dim);fill-opacity:.3}\n"
	".wide{overflow-x:auto}\n"
	"table{border-collapse:collapse;width:100%;font-size:.875rem;"
	"font-variant-numeric:tabular-nums}\n"
	"th{font-weight:600;color:var(--dim);font-size:.6875rem;line-height:1.3;text-align:right;"
	"vertical-align:bottom}\n"
	"td{border-top:1px solid var(--rule);text-align:right;white-space:nowrap}\n"
	"th,td{padding:.25rem .25rem .25rem .5rem}\n"
	".wide th:first-child,.wide td:first-child{position:sticky;left:0;background:var(--card);"
	"padding-left:0}\n"
	".text{text-align:left;white-space:normal;min-width:5.5rem;overflow-wrap:anywhere}\n"
	".text+.text{min-width:3.25rem}\n"
	".bars td{border:0;padding:.125rem .375rem}.bars td:first-child{padding-left:0}\n"
	".bars .bar{width:99%;padding:0}.bar svg{width:100%;height:1rem;display:block}\n"
	".bar rect{fill:var(--line0)}\n"
	"footer{margin:1rem 0}\n"
	"@media (max-width:30rem){main{padding:.625rem}section{padding:.75rem}"
	"table{font-size:.8125rem}th{font-size:.625rem}th,td{padding-left:.3125rem}"
	".text{min-width:3.5rem}}\n";

static void print_text(FILE *to, const char *text)
{
	markup_text(to, text, strlen(text));
}

/* <tag class="class">text</tag> */
static void print_element(FILE *to, const char *tag, const char *class, const char *text)
{
	fprintf(to, "<%s%s%s%s>", tag, class ? " class=\"" : "", class ? class : "",
		class ? "\"" : "");
	print_text(to, text);
	fprintf(to, "</%s>", tag);
}

/* ---- facts and advice ---- */

static void print_facts(const struct table *table, FILE *to)
{
	char buffer[CELL_TEXT_MAX];

	fputs("<section><dl>\n", to);
	for (size_t i = 0; i < table_width(table); i++) {
		const char *title = table_column(table, i)->title;

		if (!table_column_shown(table, i))
			continue;
		fputs("<div>", to);
		print_element(to, "dt", NULL, title + strspn(title, " "));
		print_element(to, "dd", NULL, table_cell(table, 0, i, buffer));
		fputs("</div>\n", to);
	}
	fputs("</dl></section>\n", to);
}

/* A command of several lines is several. */
static void print_commands(const char *command, FILE *to)
{
	fputs("<pre>", to);
	while (*command) {
		size_t len = strcspn(command, "\n");

		markup_text(to, command, len);
		command += len;
		if (*command) {
			fputc('\n', to);
			command++;
		}
	}
	fputs("</pre>", to);
}

static void print_advice(const struct report *report, FILE *to)
{
	static const struct {
		const char *class;
		const char *title;
	} levels[] = {
		[LEVEL_GOOD] = { "good", "Good" },
		[LEVEL_NOTE] = { "note", "Consider" },
		[LEVEL_WARN] = { "warn", "Attention" },
	};

	fputs("<section><h2>Advice</h2><ul>\n", to);
	for (size_t i = 0; i < report->advice_count; i++) {
		const struct report_advice *advice = &report->advice[i];

		fprintf(to, "<li class=\"%s\"><b>%s</b>", levels[advice->level].class,
			levels[advice->level].title);
		print_text(to, advice->text);
		if (advice->command)
			print_commands(advice->command, to);
		fputs("</li>\n", to);
	}
	fputs("</ul></section>\n", to);
}

/* ---- series ---- */

struct plot {
	const struct table *table;
	FILE *to;
	struct axis x, y;
	uint64_t end;		/* the last x; 1 where that is 0 */
	enum cell_type type;	/* of y */
	struct report_lines lines;
};

static double x_of(const struct plot *plot, size_t row)
{
	return (double)table_number(plot->table, row, 0) * WIDTH / (double)plot->end;
}

static double y_of(const struct plot *plot, size_t line, size_t row)
{
	return HEIGHT - (double)table_number(plot->table, row, plot->lines.column[line]) * HEIGHT /
			(double)plot->y.most;
}

static void fit_plot(struct plot *plot)
{
	size_t rows = table_rows(plot->table);

	plot->lines = report_lines(plot->table);
	plot->end = table_number(plot->table, rows - 1, 0);
	plot->end = plot->end ? plot->end : 1;
	plot->type = table_column(plot->table, plot->lines.column[0])->type;
	plot->y = axis_fit(plot->type, plot->lines.most, Y_STEPS);
	plot->x = axis_fit(table_column(plot->table, 0)->type, plot->end, X_STEPS);
}

static void print_y_axis(const struct plot *plot)
{
	fputs("<div class=\"y\">", plot->to);
	for (uint64_t y = 0; y <= plot->y.most; y += plot->y.step)
		fprintf(plot->to, "<span style=\"bottom:%.2f%%\">%s</span>",
			(double)y * 100 / (double)plot->y.most, axis_text(plot->type, y));
	fputs("</div>\n", plot->to);
}

static void print_x_axis(const struct plot *plot)
{
	enum cell_type type = table_column(plot->table, 0)->type;

	fputs("<div class=\"x\">", plot->to);
	for (uint64_t x = 0; x <= plot->end; x += plot->x.step) {
		double place = (double)x * 100 / (double)plot->end;

		fprintf(plot->to, "<span%s style=\"left:%.2f%%\">%s</span>",
			!x ? " class=\"first\"" : place > 95 ? " class=\"last\"" : "", place,
			axis_text(type, x));
		if (table_rows(plot->table) == 1)
			break;
	}
	fputs("</div>\n", plot->to);
	print_element(plot->to, "div", "unit", table_column(plot->table, 0)->title);
}

static void print_grid(const struct plot *plot)
{
	fputs("<path class=\"grid\" d=\"", plot->to);
	for (uint64_t y = plot->y.step; y <= plot->y.most; y += plot->y.step)
		fprintf(plot->to, "M0 %.2fH%d", HEIGHT - (double)y * HEIGHT / (double)plot->y.most,
			WIDTH);
	for (uint64_t x = plot->x.step; x <= plot->end; x += plot->x.step)
		fprintf(plot->to, "M%.2f 0V%d", (double)x * WIDTH / (double)plot->end, HEIGHT);
	fputs("\"/>\n", plot->to);
}

static void print_points(const struct plot *plot, size_t line)
{
	size_t rows = table_rows(plot->table);

	for (size_t row = 0; row < rows; row++)
		fprintf(plot->to, "%.2f,%.2f ", x_of(plot, row), y_of(plot, line, row));
	/* A single look has no width of its own. */
	if (rows == 1)
		fprintf(plot->to, "%d,%.2f", WIDTH, y_of(plot, line, 0));
}

static void print_lines(const struct plot *plot)
{
	size_t last = table_rows(plot->table) - 1;

	fprintf(plot->to, "<polygon class=\"area\" points=\"%.2f,%d ", x_of(plot, 0), HEIGHT);
	print_points(plot, 0);
	fprintf(plot->to, " %.2f,%d\"/>\n", last ? x_of(plot, last) : WIDTH, HEIGHT);
	for (size_t line = 0; line < plot->lines.count; line++) {
		fprintf(plot->to, "<polyline class=\"l%zu\" points=\"", line);
		print_points(plot, line);
		fputs("\"/>\n", plot->to);
	}
}

/* The value of a point shows while the mouse rests on it. */
static void print_point(const struct plot *plot, size_t row)
{
	double from = row ? x_of(plot, row - 1) : 0, to = row ? x_of(plot, row) : 0;
	char buffer[CELL_TEXT_MAX];

	to = to > from ? to : from + 1;
	fprintf(plot->to, "<rect class=\"at\" x=\"%.2f\" y=\"0\" width=\"%.2f\" height=\"%d\">"
		"<title>", from, to - from, HEIGHT);
	print_text(plot->to, table_column(plot->table, 0)->title);
	fputc(' ', plot->to);
	print_text(plot->to, table_cell(plot->table, row, 0, buffer));
	for (size_t i = 0; i < plot->lines.count; i++) {
		fputs(", ", plot->to);
		print_text(plot->to, table_cell(plot->table, row, plot->lines.column[i], buffer));
		fputc(' ', plot->to);
		print_text(plot->to, table_column(plot->table, plot->lines.column[i])->title);
	}
	fputs("</title></rect>\n", plot->to);
}

static void print_series(const struct report_section *section, FILE *to)
{
	struct plot plot = { .table = section->table, .to = to };

	fit_plot(&plot);
	fputs("<figure><figcaption>", to);
	for (size_t i = 0; i < plot.lines.count; i++) {
		fprintf(to, "<span><i class=\"l%zu\"></i>", i);
		print_text(to, table_column(plot.table, plot.lines.column[i])->title);
		fputs("</span>", to);
	}
	fputs("</figcaption>\n<div class=\"plot\">\n", to);
	print_y_axis(&plot);
	fprintf(to, "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\">\n"
		"<title>", WIDTH, HEIGHT);
	print_text(to, section->title);
	fputs("</title>\n", to);
	print_grid(&plot);
	print_lines(&plot);
	for (size_t row = 0; row < table_rows(plot.table); row++)
		print_point(&plot, row);
	fputs("</svg>\n", to);
	print_x_axis(&plot);
	fputs("</div></figure>\n", to);
}

/* ---- bars and rows ---- */

static void print_bars(const struct table *table, FILE *to)
{
	uint64_t most = report_bars_most(table), sum = report_bars_sum(table);
	char buffer[CELL_TEXT_MAX];

	fputs("<table class=\"bars\">\n", to);
	for (size_t row = 0; row < table_rows(table); row++) {
		uint64_t count = table_number(table, row, 2);

		fputs("<tr>", to);
		print_element(to, "td", NULL, table_cell(table, row, 0, buffer));
		fprintf(to, "<td class=\"bar\"><svg viewBox=\"0 0 %d 1\" "
			"preserveAspectRatio=\"none\"><rect width=\"%.1f\" height=\"1\"/></svg>"
			"</td><td>%" PRIu64 "</td><td class=\"dim\">%s</td></tr>\n", WIDTH,
			most ? (double)count * WIDTH / (double)most : 0, count,
			percent_text(report_share(count, sum)));
	}
	fputs("</table>\n", to);
}

/* A row, or the titles where it is SIZE_MAX; of its texts, or of its numbers. */
static void print_cells(const struct table *table, size_t row, bool texts, FILE *to)
{
	bool titles = row == SIZE_MAX;
	char buffer[CELL_TEXT_MAX];

	for (size_t i = 0; i < table_width(table); i++) {
		const struct column *column = table_column(table, i);
		bool is_text = column->type == CELL_TEXT;

		if (table_column_shown(table, i) && is_text == texts)
			print_element(to, titles ? "th" : "td", texts ? "text" : NULL, titles ?
				      column->title : table_cell(table, row, i, buffer));
	}
}

/* Names come first: where a screen is too narrow for all, the first column stays. */
static void print_row(const struct table *table, size_t row, FILE *to)
{
	fputs("<tr>", to);
	print_cells(table, row, true, to);
	print_cells(table, row, false, to);
	fputs("</tr>\n", to);
}

static void print_rows(const struct table *table, FILE *to)
{
	fputs("<div class=\"wide\"><table>\n", to);
	print_row(table, SIZE_MAX, to);
	for (size_t row = 0; row < table_rows(table); row++)
		print_row(table, row, to);
	fputs("</table></div>\n", to);
}

/* ---- all of it ---- */

static void print_section(const struct report_section *section, FILE *to)
{
	if (!report_section_shown(section))
		return;
	fputs("<section>", to);
	print_element(to, "h2", NULL, section->title);
	fputc('\n', to);
	if (section->note)
		print_element(to, "p", "dim", section->note);
	if (table_rows(section->table)) {
		if (section->shape == SHAPE_SERIES)
			print_series(section, to);
		else if (section->shape == SHAPE_BARS)
			print_bars(section->table, to);
		else
			print_rows(section->table, to);
	}
	fputs("</section>\n", to);
}

void report_html(const struct report *report, FILE *to)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
	      "<meta charset=\"utf-8\"/>\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n", to);
	print_element(to, "title", NULL, report->title);
	fprintf(to, "\n<style>\n%s</style>\n</head>\n<body>\n<main>\n", style);
	print_element(to, "h1", NULL, report->title);
	print_element(to, "p", "dim", report->subtitle);
	fputc('\n', to);
	print_facts(report->facts, to);
	print_advice(report, to);
	for (size_t i = 0; i < report->section_count; i++)
		print_section(&report->sections[i], to);
	if (report->lacking) {
		fputs("<section><h2>Not shown</h2>", to);
		print_element(to, "p", NULL, report->lacking);
		fputs("</section>\n", to);
	}
	fputs("<footer class=\"dim\">Made by memctl " MEMMGR_VERSION "</footer>\n</main>\n</body>\n"
	      "</html>\n", to);
}
