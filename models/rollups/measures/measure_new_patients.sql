{#- 新規患者: who has a lifestyle disease on a 医科 receipt of a month, not only suspected, had it on none of the same scheme
    in the months before, and was a member of the insurer at the end of each of these (rule new_patient of seed
    severity_rules): who comes with a disease from elsewhere is no new patient. A row is a person's year and class of
    disease, where the disease was first seen; below the line stand those of new_dialysis (seed indicator_classes),
    members of months of which the receipts of a year ago came. -#}
{%- set place = [
    'scheme_code', 'insurer_number', 'municipality_code', 'district_code', 'fiscal_year', 'sex_code', 'age_band_code',
    'person_id'
] -%}
with rules as (
    select * from {{ ref('severity_rules') }}
    where rule_id = 'new_patient'
),

months as (
    select * from {{ ref('int_calendar__list_months') }}
),

attributed as (
    select * from {{ ref('claim_attribution') }}
    where
        sex_code <> 'U'
        and service_month in (select month from months)
        and {{ is_counted_year('fiscal_year', years_before=1) }}
),

classes as (
    select * from {{ ref('int_disease__assign_classes') }}
    where class_kind_code = 'lifestyle'
),

-- What a receipt comes to, whether it holds 透析 or not. Put together here, few rows are held against the receipts.
written as (
    select distinct
        diseases.linkage_domain,
        diseases.record_key_tag,
        classes.is_dialysed,
        classes.class_code,
        classes.valid_from,
        classes.valid_to
    from {{ ref('claim_disease') }} as diseases
    left join {{ source('control', 'known_disease') }} as known on diseases.disease_code = known.disease_code
    inner join classes on coalesce(diseases.icd10_code, known.icd10_code) = classes.icd10_code
    where not diseases.is_suspected and {{ is_counted_month('diseases.service_month', years_before=1) }}
),

-- Each month by the classes in force when its year begins, as patients are.
ill as (
    select distinct
        attributed.person_id,
        attributed.scheme_code,
        attributed.insurer_number,
        attributed.service_month as month,
        written.class_code
    from attributed
    inner join written
        on
            attributed.linkage_domain = written.linkage_domain
            and attributed.record_key_tag = written.record_key_tag
            and attributed.is_dialysed = written.is_dialysed
            and {{ fiscal_year_start('attributed.fiscal_year') }} >= written.valid_from
            and (written.valid_to is null or {{ fiscal_year_start('attributed.fiscal_year') }} < written.valid_to)
),

one_after_another as (
    select
        *,
        lag(month) over (partition by person_id, scheme_code, class_code order by month) as month_before
    from (
        select distinct
            person_id,
            scheme_code,
            class_code,
            month
        from ill
    ) as months_ill
),

members as (
    select * from {{ ref('person_month') }}
    where is_member and {{ is_counted_year('fiscal_year', years_before=1) }}
),

-- Whose disease of a year ago could have been seen: the insurer's receipts of that month came.
came as (
    select distinct
        scheme_code,
        insurer_number,
        service_month as month
    from {{ ref('claim') }}
    where
        claim_kind_code in ('medical', 'dpc')
        and not is_summary
        and {{ is_counted_year('fiscal_year', years_before=1) }}
),

first_seen as (
    select
        members.*,
        ill.class_code,
        rules.months_insured
    from one_after_another
    inner join rules
        on
            one_after_another.month >= rules.valid_from
            and (rules.valid_to is null or one_after_another.month < rules.valid_to)
            and (
                one_after_another.month_before is null
                or one_after_another.month_before < {{ add_months('one_after_another.month', '-rules.months_without') }}
            )
    inner join ill
        on
            one_after_another.person_id = ill.person_id
            and one_after_another.scheme_code = ill.scheme_code
            and one_after_another.class_code = ill.class_code
            and one_after_another.month = ill.month
    inner join members
        on
            ill.person_id = members.person_id
            and ill.scheme_code = members.scheme_code
            and ill.insurer_number = members.insurer_number
            and ill.month = members.month
    inner join came
        on
            members.scheme_code = came.scheme_code
            and members.insurer_number = came.insurer_number
            and {{ add_months('members.month', '-rules.months_without') }} = came.month
),

months_to_ask as (
    select distinct
        person_id,
        scheme_code,
        insurer_number,
        month,
        months_insured
    from first_seen
),

insured_before as (
    select
        months_to_ask.person_id,
        months_to_ask.scheme_code,
        months_to_ask.insurer_number,
        months_to_ask.month
    from months_to_ask
    inner join members
        on
            months_to_ask.person_id = members.person_id
            and months_to_ask.scheme_code = members.scheme_code
            and months_to_ask.insurer_number = members.insurer_number
            and months_to_ask.month > members.month
            and {{ add_months('months_to_ask.month', '-months_to_ask.months_insured') }} <= members.month
    group by
        months_to_ask.person_id, months_to_ask.scheme_code, months_to_ask.insurer_number, months_to_ask.month,
        months_to_ask.months_insured
    having count(*) = months_to_ask.months_insured
),

final as (
    select
        'disease_new_patients' as indicator_id,
        {{ columns_of('first_seen', place) }},
        {{ fiscal_year_start('first_seen.fiscal_year') }} as month,
        cast(1 as bigint) as numerator,
        cast(0 as bigint) as denominator,
        first_seen.class_code
    from first_seen
    inner join insured_before
        on
            first_seen.person_id = insured_before.person_id
            and first_seen.scheme_code = insured_before.scheme_code
            and first_seen.insurer_number = insured_before.insurer_number
            and first_seen.month = insured_before.month
)

select * from final
