with arrivals as (
    select * from {{ source('raw', 'arrival') }}
),

insurers as (
    select * from {{ ref('insurers') }}
),

months as (
    select * from {{ ref('int_calendar__list_months') }}
),

rules as (
    select * from {{ ref('expected_deliveries') }}
),

-- Expected of a stream: the insurers of its schemes that have ever delivered, while they exist and the rule of the
-- scheme, or the insurer's own before it, says so.
streams as (
    select distinct
        arrivals.stream,
        insurers.scheme_code
    from arrivals
    inner join insurers on arrivals.insurer_number = insurers.insurer_number
),

known as (
    select distinct
        insurers.insurer_number,
        insurers.scheme_code,
        insurers.valid_from,
        insurers.valid_to
    from insurers
    inner join arrivals on insurers.insurer_number = arrivals.insurer_number
),

spans as (
    select
        stream,
        min(month) as first_month
    from arrivals
    group by stream
),

candidates as (
    select
        streams.stream,
        streams.scheme_code,
        months.month,
        known.insurer_number
    from streams
    inner join spans on streams.stream = spans.stream
    inner join known on streams.scheme_code = known.scheme_code
    inner join months
        on
            months.month >= spans.first_month
            and months.month >= known.valid_from
            and (known.valid_to is null or months.month < known.valid_to)
),

expected as (
    select
        candidates.stream,
        candidates.month,
        candidates.insurer_number
    from candidates
    left join rules as own
        on
            candidates.stream = own.stream
            and candidates.scheme_code = own.scheme_code
            and candidates.insurer_number = own.insurer_number
            and candidates.month >= own.valid_from
            and (own.valid_to is null or candidates.month < own.valid_to)
    left join rules as common
        on
            candidates.stream = common.stream
            and candidates.scheme_code = common.scheme_code
            and common.insurer_number is null
            and candidates.month >= common.valid_from
            and (common.valid_to is null or candidates.month < common.valid_to)
    where coalesce(own.is_expected, common.is_expected, false)
),

arrived as (
    select distinct
        stream,
        month,
        insurer_number
    from arrivals
    where rows > 0
),

final as (
    select
        expected.stream,
        expected.month,
        count(arrived.insurer_number) as insurers_arrived,
        count(*) as insurers_expected
    from expected
    left join arrived
        on
            expected.stream = arrived.stream
            and expected.month = arrived.month
            and expected.insurer_number = arrived.insurer_number
    group by expected.stream, expected.month
)

select * from final
