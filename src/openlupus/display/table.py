"""How a declared table and results become a table model. No markup, no arithmetic."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from openlupus.display.model import Cell, Header, TableModel, TableRow
from openlupus.display.outline import LEVELS, Line, expand, keyed, label_of, without_repeats
from openlupus.display.rounding import Printer, printers
from openlupus.errors import DisplayError
from openlupus.protocol.displays import Column, Row, Style, Table, Zero
from openlupus.protocol.templates import TemplateError, fields, substitute
from openlupus.results import STATISTICS, ResultRow, Results

POPULATION = "population"
"""The built-in analysis whose `N` stands in column headers."""

MOST_REASONS = 3
"""Reasons that the footnote of a table gives for what could not be estimated."""

Found = Mapping[str, ResultRow | None]
"""Statistic to the row that gives it."""


def build_table(
    declared: Table,
    results: Results,
    *,
    labels: Mapping[str, str],
    synthetic: bool,
    dummy_arms: bool,
    id: str = "",  # noqa: A002 - the name that every model of a display has
    published: Mapping[tuple[str, str], str] | None = None,
    style: Style | None = None,
) -> TableModel:
    """A declared table filled with results.

    Args:
        declared: Layout and words.
        results: The numbers; nothing else is looked at.
        labels: Id of an arm, group or population, or a parameter, to its label; `{label}` in a
            header is the label of the column's group.
        synthetic: Whether the records are simulated; the table then says so.
        dummy_arms: Whether arms are dummies; the table then says so.
        id: The display's id in the declaration; made from its number when not given.
        published: Text of published cells by (row key, column key), see `TableRow.key`.
        style: Takes the place of the declared one.

    Raises:
        DisplayError: With every fault of the declaration that these results show.
    """
    declared = declared.model_copy(update={"style": style}) if style else declared
    labels = {**labels, **declared.labels}
    filler = _Filler(declared, results, labels)
    filler.check()
    lines = filler.lines()
    places = keyed(lines, stubs=len(declared.stub))
    beside = dict(published or {})
    rows = tuple(
        TableRow(
            labels=place.labels,
            key=place.key,
            group=place.group,
            heading=line.row.heading,
            indent=line.row.indent,
            cells=tuple(
                replace(
                    filler.cell(line, column),
                    published=beside.pop((place.key, column.key), None),
                )
                for column in declared.columns
            ),
        )
        for line, place in zip(lines, places, strict=True)
    )
    return TableModel(
        id=id or declared.number.lower().replace(" ", "-"),
        number=_number(declared),
        title=declared.title,
        population=labels.get(declared.population, declared.population),
        style=declared.style,
        stub=declared.stub,
        spanners=filler.spanners(),
        columns=tuple(Header(c.key, filler.header(c.header, c)) for c in declared.columns),
        measure=declared.measure,
        rows=rows,
        footnotes=(*declared.footnotes, *_legend(declared, rows)),
        analyses=_used(rows),
        synthetic=synthetic,
        dummy_arms=dummy_arms,
        unplaced=tuple(f"{row} / {column}" for row, column in beside),
    )


def _number(declared: Table) -> str:
    return declared.filed if declared.style == "regulatory" and declared.filed else declared.number


def _legend(declared: Table, rows: tuple[TableRow, ...]) -> tuple[str, ...]:
    missing = any(cell.kind == "missing" for row in rows for cell in row.cells)
    if not missing or not declared.missing:
        return ()
    cells = (cell for row in rows for cell in row.cells if cell.kind == "missing")
    why = list(dict.fromkeys(text for cell in cells for text in cell.warnings))
    told = f": {'; '.join(why[:MOST_REASONS])}" if why else ""
    more = ", and others (see the warnings)" if len(why) > MOST_REASONS else ""
    return (f"{declared.missing} denotes not estimable{told}{more}.",)


def _used(rows: tuple[TableRow, ...]) -> tuple[str, ...]:
    cells = (cell for row in rows for cell in row.cells)
    return tuple(dict.fromkeys(result.analysis for cell in cells for result in cell.rests_on))


@dataclass(frozen=True)
class _Filler:
    """Fills the cells of one table from one set of results."""

    declared: Table
    results: Results
    labels: Mapping[str, str]

    @cached_property
    def formats(self) -> Mapping[str, Printer]:
        return printers(self.declared.formats, style=self.declared.style)

    @cached_property
    def statistics(self) -> frozenset[str]:
        return frozenset(STATISTICS) | frozenset(self.results.rows["statistic"].unique())

    def lines(self) -> list[Line]:
        """The rows to print, with the label and the number of subjects of their groups."""
        ends = [column.parameter for column in self.declared.columns if column.parameter]
        found = [
            self._named(line)
            for row in self.declared.rows
            for line in expand(row, self.results, labels=self.labels, ends=ends)
        ]
        return without_repeats(found)

    def _named(self, line: Line) -> Line:
        label = line.row.label
        if "{" not in "".join(label):
            return line
        group = Column(key="label", header="", group=line.row.group or "")
        words = (
            self.header(label, group)
            if isinstance(label, str)
            else tuple(self.header(text, group) for text in label)
        )
        return replace(line, row=line.row.model_copy(update={"label": words}))

    # -- faults of the declaration ----------------------------------------------------------

    def check(self) -> None:
        """Raise every fault of the declaration at once."""
        faults = [
            f"row {place} ({label_of(row)!r}): {fault}"
            for place, row in enumerate(self.declared.rows, 1)
            for fault in self._row_faults(row)
        ]
        faults += [
            f"column {column.key!r}: no analysis {column.analysis!r} in the results"
            for column in self.declared.columns
            if column.analysis and column.analysis not in self.results.analyses
        ]
        faults += [f"zero: {fault}" for fault in self._faults_in(*_texts(self.declared.zero))]
        if faults:
            listed = "\n".join(f"  {fault}" for fault in faults)
            raise DisplayError(f"{self.declared.number}: the declaration has faults\n{listed}")

    def _row_faults(self, row: Row, around: str = "") -> list[str]:
        named = row.analysis or around
        faults = [fault for inner in row.rows for fault in self._row_faults(inner, named)]
        if row.analysis and row.analysis not in self.results.analyses:
            faults.append(f"no analysis {row.analysis!r} in the results")
        if (row.cells or row.expand or row.over) and not named:
            faults.append("it has cells to fill and names no analysis")
        if isinstance(row.label, tuple) and len(row.label) > len(self.declared.stub):
            faults.append("it has more labels than the stub has columns")
        slots = {column.slot for column in self.declared.columns}
        faults += [f"no column has the slot {slot!r}" for slot in row.cells if slot not in slots]
        return faults + self._faults_in(*row.cells.values(), *_texts(row.zero))

    def _faults_in(self, *templates: str) -> list[str]:
        faults: list[str] = []
        for template in templates:
            try:
                named = fields(template)
            except TemplateError as error:
                faults.append(f"template {template!r}: {error}")
                continue
            faults += [
                f"template {template!r}: {fault}"
                for field in named
                if (fault := self._fault(*field))
            ]
        return faults

    def _fault(self, statistic: str, form: str) -> str:
        if statistic not in self.statistics:
            return f"no statistic {statistic!r}; there are {', '.join(sorted(self.statistics))}"
        if form not in self.formats:
            return f"no format {form!r}; there are {', '.join(self.formats)}"
        return ""

    # -- headers ----------------------------------------------------------------------------

    def header(self, words: str, column: Column) -> str:
        """Words above a column, with the label and the number of subjects of its group."""
        text = words.replace("{label}", self.labels.get(column.group, column.group))
        if "{N}" not in text:
            return text
        for row in self.results.find(analysis=POPULATION, statistic="N", group=column.group):
            population = column.population or self.declared.population
            if row.population == population and row.value is not None:
                return text.replace("{N}", self.formats["int"](row.value))
        raise DisplayError(
            f"{self.declared.number}, column {column.key!r}: the results give no number of subjects"
            f" of group {column.group!r} in population"
            f" {column.population or self.declared.population!r}"
        )

    def spanners(self) -> tuple[Header, ...]:
        """Headers over neighbouring columns that name the same one; empty where none is named."""
        columns = self.declared.columns
        if not any(column.spanner for column in columns):
            return ()
        spans: list[Header] = []
        for column in columns:
            text = self.header(column.spanner, column)
            if spans and text and spans[-1].text == text:
                spans[-1] = replace(spans[-1], span=spans[-1].span + 1)
            else:
                spans.append(Header(column.key, text))
        return tuple(spans)

    # -- cells ------------------------------------------------------------------------------

    def cell(self, line: Line, column: Column) -> Cell:
        """The cell of a row and a column."""
        template = line.row.cells.get(column.slot)
        why = self.results.failed.get(column.analysis or line.row.analysis)
        if why is not None and not line.row.heading:
            return Cell(text=self.declared.missing, kind="missing", warnings=(why,))
        if template is None:
            return Cell()
        found = self._rows(template, line, column)
        zero = self._zero(template, line, column)
        if zero is not None:
            found = {**found, **self._rows(zero, line, column)}
            template, kind = zero, "zero"
        elif found and not any(found.values()):
            absent = self.declared.absent
            return Cell(text=absent, kind="zero") if absent else Cell()
        else:
            given = all(row and row.value is not None for row in found.values())
            kind = "value" if given else "missing"
        rows = tuple(row for row in found.values() if row is not None)
        return Cell(
            text=self._filled(template, found),
            kind=kind,
            rests_on=rows,
            warnings=tuple(dict.fromkeys(row.warnings for row in rows if row.warnings)),
        )

    def _zero(self, template: str, line: Line, column: Column) -> str | None:
        """What the cell prints for an n of 0; None where n is not 0 or nothing is declared.

        A text for every slot takes the place of templates that print n; a text for one slot takes
        the place of that slot's template, whatever it prints.
        """
        own, general = line.row.zero, self.declared.zero
        declared = own if own is not None else general
        if isinstance(declared, dict):
            text = declared.get(column.slot)
        else:
            text = declared if "n" in dict(fields(template)) else None
        if text is None:
            return None
        count = self._find("n", line, column)
        return text if count is not None and count.value == 0 else None

    def _filled(self, template: str, found: Found) -> str:
        named = fields(template)
        values = [found[statistic] for statistic, _ in named]
        if named and all(row is None or row.value is None for row in values):
            return self.declared.missing
        return substitute(template, {(s, form): self._printed(found[s], form) for s, form in named})

    def _printed(self, row: ResultRow | None, form: str) -> str:
        if row is None or row.value is None:
            return self.declared.missing
        return self.formats[form](row.value)

    def _rows(self, template: str, line: Line, column: Column) -> Found:
        return {s: self._find(s, line, column) for s, _ in fields(template)}

    def _find(self, statistic: str, line: Line, column: Column) -> ResultRow | None:
        """The row of a comparison, else of its group alone; of a P value, else of the whole
        variable that the parameter is a level of (parameter "")."""
        row = line.row
        group = column.group if row.group is None else row.group
        comparator = column.comparator if row.comparator is None else row.comparator
        at = self._place(line, column)
        found = self._one(statistic, at, group, comparator)
        if found is None and comparator:
            found = self._one(statistic, at, group, "")
        above = at.parameter
        while found is None and statistic == "p" and above:
            above = above.rpartition(LEVELS)[0]
            whole = replace(at, parameter=above)
            found = self._one(statistic, whole, group, comparator)
            found = found or self._one(statistic, whole, group, "")
        return found

    def _place(self, line: Line, column: Column) -> Line:
        """The line as the column reads it: by its own analysis, end of parameter and subgroup."""
        if column.subgroup:
            line = replace(line, subgroup=column.subgroup)
        if column.parameter:
            ends = filter(None, (line.parameter, column.parameter))
            line = replace(line, parameter=LEVELS.join(ends))
        if not column.analysis:
            return line

        def meant(value: str, kind: str) -> str:
            there = self.results.values(column.analysis, kind)
            return there[0] if value not in there and len(there) == 1 else value

        row = line.row.model_copy(update={"analysis": column.analysis})
        parameter, visit = meant(line.parameter, "parameter"), meant(line.visit, "visit")
        return replace(line, row=row, parameter=parameter, visit=visit)

    def _one(self, statistic: str, line: Line, group: str, comparator: str) -> ResultRow | None:
        found = self.results.find(
            analysis=line.row.analysis,
            statistic=statistic,
            parameter=line.parameter,
            visit=line.visit,
            subgroup=line.subgroup,
            group=group,
            comparator=comparator,
        )
        if len(found) <= 1:
            return found[0] if found else None
        own = [row for row in found if row.population == self.declared.population]
        if len(own) == 1:
            return own[0]
        ways = ", ".join(f"{row.method} in {row.population}" for row in found)
        raise DisplayError(
            f"{self.declared.number}: {statistic!r} of analysis {line.row.analysis!r} is given"
            f" more than once ({ways}); give each method and population an analysis of its own"
        )


def _texts(zero: Zero) -> tuple[str, ...]:
    return tuple(zero.values()) if isinstance(zero, dict) else (zero,) if zero else ()
