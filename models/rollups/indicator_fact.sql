{{ config(pre_hook="{{ delete_reached('scheme_fiscal_year', 'indicator_fact.period') }}") }}

{%- set cell = [
    'indicator_id', 'definition_version', 'scheme_code', 'area_level', 'area_id', 'sex_code', 'age_band_code'
] %}

with catalogue as (
    select * from {{ ref('indicators') }}
),

months as (
    select * from {{ ref('int_calendar__list_months') }}
),

increments as (
    select * from {{ ref('indicator_increment') }}
),

reached as (
    select * from increments
    where {{ only_reached('increments', 'scheme_fiscal_year', 'increments.month') }}
),

running as (
    select
        {{ cell | join(', ') }},
        fiscal_year,
        month,
        sum(numerator) over so_far as numerator,
        sum(denominator) over so_far as denominator,
        sum(new_contributor_count) over so_far as contributor_count,
        -- Of counts without persons the largest month is a lower bound of how many they were.
        sum(new_denominator_contributor_count) over so_far + max(anonymous_count) over so_far
            as denominator_contributor_count,
        max(largest_running) over so_far as largest_contribution,
        lead(month) over by_month as next_month
    from reached
    window
        so_far as (
            partition by {{ cell | join(', ') }}, fiscal_year
            order by month
            rows between unbounded preceding and current row
        ),
        by_month as (
            partition by {{ cell | join(', ') }}, fiscal_year
            order by month
        )
),

-- A month that adds nothing shows the year to date as it stood.
to_date as (
    select
        {% for column in cell %}running.{{ column }}, {% endfor %}
        months.month as period,
        months.is_last_of_fiscal_year,
        {{ fiscal_year_start('running.fiscal_year') }} as fiscal_year_start,
        running.numerator,
        running.denominator,
        running.contributor_count,
        running.denominator_contributor_count,
        running.largest_contribution
    from running
    inner join months
        on
            running.fiscal_year = months.fiscal_year
            and running.month <= months.month
            and (running.next_month is null or running.next_month > months.month)
),

periods as (
    select
        {{ cell | join(', ') }},
        'month' as period_kind,
        month as period,
        numerator,
        denominator,
        contributor_count,
        denominator_contributor_count + anonymous_count as denominator_contributor_count,
        largest_contribution
    from reached
    union all
    select
        {{ cell | join(', ') }},
        'year_to_date' as period_kind,
        period,
        numerator,
        denominator,
        contributor_count,
        denominator_contributor_count,
        largest_contribution
    from to_date
    union all
    select
        {{ cell | join(', ') }},
        'fiscal_year' as period_kind,
        fiscal_year_start as period,
        numerator,
        denominator,
        contributor_count,
        denominator_contributor_count,
        largest_contribution
    from to_date
    where is_last_of_fiscal_year
),

-- What is not additive over the period or the area is counted in persons.
counted as (
    select
        indicator_id,
        definition_version,
        concat(' ', period_kinds, ' ') as period_kinds,
        concat(' ', additive_over, ' ') like '% area %'
        and concat(' ', additive_over, ' ') like '% period %' as is_sum
    from catalogue
),

final as (
    select
        periods.indicator_id,
        periods.definition_version,
        periods.period_kind,
        periods.period,
        periods.scheme_code,
        '' as class_code,
        periods.area_level,
        periods.area_id,
        periods.sex_code,
        periods.age_band_code,
        cast(case when counted.is_sum then periods.numerator else periods.contributor_count end as bigint)
            as numerator,
        cast(
            case when counted.is_sum then periods.denominator else periods.denominator_contributor_count end as bigint
        ) as denominator,
        cast(periods.contributor_count as bigint) as contributor_count,
        cast(periods.denominator_contributor_count as bigint) as denominator_contributor_count,
        cast(case when counted.is_sum or periods.contributor_count = 0 then periods.largest_contribution else 1 end as bigint)
            as largest_contribution
    from periods
    inner join counted
        on
            periods.indicator_id = counted.indicator_id
            and periods.definition_version = counted.definition_version
            and counted.period_kinds like concat('% ', periods.period_kind, ' %')
)

select * from final
