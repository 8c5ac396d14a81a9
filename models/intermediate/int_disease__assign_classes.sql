{{ config(materialized='table') }}

{#- The classes that a disease lies in: 大分類, 中分類, our own 細小分類 and the lifestyle groups. Chronic kidney disease
    lies in one of two classes by whether the receipt holds 透析. Of two detailed classes the narrower one has it:
    E11.3 is 糖尿病網膜症, not 糖尿病. -#}
with codes as (
    select icd10_code from {{ source('control', 'known_disease') }}
    union
    select icd10_code from {{ ref('claim_disease') }}
),

classes as (
    select * from {{ ref('disease_classes') }}
),

ranges as (
    select * from {{ ref('disease_class_ranges') }}
),

dialysis as (
    select
        true as is_dialysed,
        'yes' as with_dialysis
    union all
    select
        false as is_dialysed,
        'no' as with_dialysis
),

met as (
    select
        codes.icd10_code,
        dialysis.is_dialysed,
        classes.class_code,
        classes.class_kind_code,
        classes.valid_from,
        classes.valid_to,
        length(ranges.icd10_from_code) as width,
        max(length(ranges.icd10_from_code)) over (
            partition by codes.icd10_code, dialysis.is_dialysed, classes.class_kind_code, classes.valid_from
        ) as narrowest
    from codes
    inner join ranges
        on
            substr(codes.icd10_code, 1, length(ranges.icd10_from_code)) >= ranges.icd10_from_code
            and substr(codes.icd10_code, 1, length(ranges.icd10_to_code)) <= ranges.icd10_to_code
    inner join dialysis
        on coalesce(ranges.with_dialysis, '') = '' or ranges.with_dialysis = dialysis.with_dialysis
    inner join classes on ranges.class_code = classes.class_code
    where codes.icd10_code is not null
),

final as (
    select distinct
        icd10_code,
        is_dialysed,
        class_code,
        class_kind_code,
        valid_from,
        valid_to
    from met
    where class_kind_code <> 'detail' or width = narrowest
)

select * from final
