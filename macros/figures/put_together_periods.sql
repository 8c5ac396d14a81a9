{# CTEs: months, years to date and fiscal years, over the denominators of other figures where they are, and the names. #}
{% macro put_together_periods(base_facts) -%}
cells_of_months as (
    select
        of_months.*,
        -- One number of figure, area, sex and band.
        ((cast(of_months.indicator_no as bigint) * 100000000 + of_months.area_no) * 10 + of_months.sex_no) * 100
        + of_months.band_no as cell_no
    from of_months
    inner join catalogue on of_months.indicator_no = catalogue.indicator_no and catalogue.has_years_to_date
    where of_months.is_told_by_month
),

running as (
    select
        indicator_no,
        area_no,
        month,
        sex_no,
        band_no,
        cast(sum(numerator) over so_far as bigint) as numerator,
        cast(sum(denominator) over so_far as bigint) as denominator,
        cast(sum(new_contributor_count) over so_far as bigint) as contributor_count,
        -- Of counts without persons the largest month is a lower bound of how many they were.
        cast(sum(new_denominator_contributor_count) over so_far + max(anonymous_count) over so_far as bigint)
            as denominator_contributor_count,
        max(largest_running) over so_far as largest_contribution,
        lead(month) over by_month as next_month
    from cells_of_months
    window
        so_far as (
            partition by cell_no
            order by month
            rows between unbounded preceding and current row
        ),
        by_month as (
            partition by cell_no
            order by month
        )
),

area_months as (
    select
        areas.area_no,
        months.month
    from areas
    inner join months on areas.fiscal_year = months.fiscal_year
),

-- A month that adds nothing shows the year to date as it stood.
gaps as (
    select
        running.*,
        area_months.month as shown_month
    from running
    inner join area_months
        on
            running.area_no = area_months.area_no
            and running.month < area_months.month
            and area_months.month < coalesce(running.next_month, date '9999-12-31')
    where running.next_month is null or running.next_month > {{ add_months('running.month', 1) }}
),

-- Without the year to date, the months of a year are put together.
of_years as (
    select
        of_months.indicator_no,
        of_months.area_no,
        of_months.sex_no,
        of_months.band_no,
        cast(sum(of_months.numerator) as bigint) as numerator,
        cast(sum(of_months.denominator) as bigint) as denominator,
        cast(sum(of_months.new_contributor_count) as bigint) as contributor_count,
        cast(sum(of_months.new_denominator_contributor_count) + max(of_months.anonymous_count) as bigint)
            as denominator_contributor_count,
        max(of_months.largest_running) as largest_contribution
    from of_months
    inner join catalogue
        on
            of_months.indicator_no = catalogue.indicator_no
            and catalogue.has_fiscal_years
            and not (catalogue.has_years_to_date and of_months.is_told_by_month)
    group by of_months.indicator_no, of_months.area_no, of_months.sex_no, of_months.band_no
),

periods as (
    select
        of_months.indicator_no,
        of_months.area_no,
        'month' as period_kind,
        of_months.month as period,
        of_months.sex_no,
        of_months.band_no,
        of_months.numerator,
        of_months.denominator,
        of_months.contributor_count,
        of_months.matched_count as person_count,
        of_months.denominator_contributor_count + of_months.anonymous_count as denominator_contributor_count,
        of_months.largest_contribution
    from of_months
    inner join catalogue on of_months.indicator_no = catalogue.indicator_no and catalogue.has_months
    where of_months.is_told_by_month
    union all
    {% for kind, source, period, condition in [
        ('year_to_date', 'running', 'facts.month', 'true'),
        ('year_to_date', 'gaps', 'facts.shown_month', 'true'),
        ('fiscal_year', 'running', fiscal_year_start('areas.fiscal_year'),
         'facts.next_month is null and catalogue.has_fiscal_years'),
        ('fiscal_year', 'of_years', fiscal_year_start('areas.fiscal_year'), 'true'),
    ] -%}
    select
        facts.indicator_no,
        facts.area_no,
        '{{ kind }}' as period_kind,
        {{ period }} as period,
        facts.sex_no,
        facts.band_no,
        facts.numerator,
        facts.denominator,
        facts.contributor_count,
        facts.contributor_count as person_count,
        facts.denominator_contributor_count,
        facts.largest_contribution
    from {{ source }} as facts
    {% if kind == 'fiscal_year' -%}
    inner join areas on facts.area_no = areas.area_no
    inner join catalogue on facts.indicator_no = catalogue.indicator_no
    where {{ condition }}
    {% endif -%}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

{% set cell = ['area_no', 'period_kind', 'period', 'sex_no', 'band_no'] -%}
-- A figure over a denominator that it shares has a row wherever the denominator has one.
shared_bases as (
    select
        catalogue.indicator_no,
        {{ columns_of('periods', cell) }},
        periods.denominator,
        periods.denominator_contributor_count
    from periods
    inner join catalogue
        on
            periods.indicator_no = catalogue.shared_base_no
            and instr(catalogue.period_kinds, concat(' ', periods.period_kind, ' ')) > 0
    inner join areas
        on
            periods.area_no = areas.area_no
            and instr(catalogue.scheme_codes, concat(' ', areas.scheme_code, ' ')) > 0
    where periods.denominator <> 0
),

over_shared_bases as (
    select
        coalesce(own.indicator_no, shared_bases.indicator_no) as indicator_no,
        {% for column in cell -%}
        coalesce(own.{{ column }}, shared_bases.{{ column }}) as {{ column }},
        {% endfor -%}
        coalesce(own.numerator, 0) as numerator,
        coalesce(shared_bases.denominator, 0) as denominator,
        coalesce(own.contributor_count, 0) as contributor_count,
        coalesce(own.person_count, 0) as person_count,
        coalesce(shared_bases.denominator_contributor_count, 0) as denominator_contributor_count,
        coalesce(own.largest_contribution, 0) as largest_contribution
    from (
        select periods.*
        from periods
        inner join catalogue on periods.indicator_no = catalogue.indicator_no and catalogue.shared_base_no is not null
    ) as own
    full outer join shared_bases
        on own.indicator_no = shared_bases.indicator_no and {{ same_in('own', 'shared_bases', cell) }}
),

class_bases as (
    select
        indicator_no,
        {{ cell | join(', ') }},
        denominator,
        denominator_contributor_count
    from periods
    where indicator_no in (select class_base_no from catalogue)
    {% if base_facts -%}
    union all
    select
        catalogue.indicator_no,
        areas.area_no,
        facts.period_kind,
        facts.period,
        sexes.sex_no,
        bands.band_no,
        facts.denominator,
        facts.denominator_contributor_count
    from {{ ref(base_facts) }} as facts
    inner join catalogue
        on
            facts.indicator_id = catalogue.indicator_id
            and facts.definition_version = catalogue.definition_version
            and catalogue.indicator_no in (select class_base_no from catalogue)
    inner join areas
        on
            facts.scheme_code = areas.scheme_code
            and {{ fiscal_year('facts.period') }} = areas.fiscal_year
            and facts.area_level = areas.area_level
            and facts.area_id = areas.area_id
    inner join sexes on facts.sex_code = sexes.sex_code
    inner join bands on facts.age_band_code = bands.age_band_code
    where facts.period_kind = 'fiscal_year' and {{ is_counted_month('facts.period') }}
    {% endif -%}
),

-- A figure of a class is there where the class is; the figure that it is a share of is told of every kind of period
-- that the class is.
over_class_bases as (
    select
        periods.indicator_no,
        {{ columns_of('periods', cell) }},
        periods.numerator,
        coalesce(class_bases.denominator, 0) as denominator,
        periods.contributor_count,
        periods.person_count,
        coalesce(class_bases.denominator_contributor_count, 0) as denominator_contributor_count,
        periods.largest_contribution
    from periods
    inner join catalogue on periods.indicator_no = catalogue.indicator_no and catalogue.class_base_no is not null
    left join class_bases
        on
            catalogue.class_base_no = class_bases.indicator_no
            and {{ same_in('periods', 'class_bases', cell) }}
),

shown as (
    select periods.*
    from periods
    inner join catalogue
        on
            periods.indicator_no = catalogue.indicator_no
            and catalogue.is_shown
            and catalogue.class_base_no is null
            and catalogue.shared_base_no is null
    union all
    select * from over_shared_bases
    union all
    select * from over_class_bases
),

final as (
    select
        catalogue.indicator_id,
        catalogue.definition_version,
        shown.period_kind,
        shown.period,
        areas.scheme_code,
        catalogue.class_code,
        areas.area_level,
        areas.area_id,
        sexes.sex_code,
        bands.age_band_code,
        cast(case when catalogue.is_sum then shown.numerator else shown.person_count end as bigint) as numerator,
        cast(case when catalogue.is_sum then shown.denominator else shown.denominator_contributor_count end as bigint)
            as denominator,
        cast(case when catalogue.is_sum then shown.contributor_count else shown.person_count end as bigint)
            as contributor_count,
        cast(shown.denominator_contributor_count as bigint) as denominator_contributor_count,
        cast(
            case
                when catalogue.is_sum then shown.largest_contribution
                when shown.person_count = 0 then 0
                else 1
            end as bigint
        ) as largest_contribution
    from shown
    inner join catalogue on shown.indicator_no = catalogue.indicator_no
    inner join areas on shown.area_no = areas.area_no
    inner join sexes on shown.sex_no = sexes.sex_no
    inner join bands on shown.band_no = bands.band_no
    -- A share of nobody is not there.
    where catalogue.is_sum or shown.denominator_contributor_count > 0
)
{%- endmacro %}
